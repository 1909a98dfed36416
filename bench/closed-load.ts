/**
 * A recording from which a load without end can be made: what it maps, it unmaps.
 *
 * A recording ends with mappings still live (a NIC's receive ring), and begins with unmaps of mappings made before it.
 * Repeated, the live ones would pile up: each round maps the ring again and unmaps an older one. So the maps that
 * nothing unmaps are taken out, each with the probe events of that map before it.
 */
const CALL = / dma_(map|unmap)_(?:page|phys): (\S+) dir=\S+ dma_addr=(\w+) /;
/** Probe events that dma_map_page caused, printed before it. */
const PROBE =
  / (?:xs_map_page|xs_map_phys|arch_sync_for_device|xen_sync_for_device|dma_cache_maint|cflush|cflush_ret): /;

/** The text without the maps that are still open at its end. */
export function withoutOpenMaps(text: string): string {
  const lines = text.split('\n');
  const open = openMaps(lines);
  const dropped = new Set<number>();
  for (const map of open) {
    dropped.add(map);
    const task = taskOf(lines[map] as string);
    // Interrupts may stand between; they have their own task or flags, and stay.
    for (let line = map - 1; line >= 0 && PROBE.test(lines[line] as string); line--)
      if (taskOf(lines[line] as string) === task) dropped.add(line);
  }
  return lines.filter((_, line) => !dropped.has(line)).join('\n');
}

/** Indices of the lines whose mapping no later line unmaps. */
function openMaps(lines: readonly string[]): number[] {
  const open = new Map<string, number[]>();
  lines.forEach((line, index) => {
    const call = CALL.exec(line);
    if (call === null) return;
    const key = `${call[2]} ${call[3]}`;
    const maps = open.get(key);
    if (call[1] === 'unmap') maps?.pop();
    else if (maps) maps.push(index);
    else open.set(key, [index]);
  });
  return [...open.values()].flat();
}

/** "<idle>-0 [000]" */
function taskOf(line: string): string {
  return line.slice(0, line.indexOf(']') + 1).trim();
}
