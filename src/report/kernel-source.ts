/** What was compiled of a kernel's source: what is its own, and what is dmalab's. */
import type { KernelSourceReport } from './kernel-source-facts.ts';
import type { Style } from './style.ts';
import { plural, wrap } from './words.ts';

export function kernelSourceText(source: KernelSourceReport | undefined, style: Style): string {
  if (source === undefined) return '';
  const { folder, release, design, compiler, configurations, files, ownHeaders, shims, empty } = source;
  return [
    style.bold(`${design} is Linux ${release} in ${folder}`) +
      style.dim(` (for ${configurations.join(', ')}; ${compiler})`),
    ...wrap(`the kernel\u2019s own, unmodified: ${files.join(', ')}`, 2, 108),
    ...wrap(`its own headers: ${ownHeaders.join(', ')}`, 2, 108),
    ...wrap(
      `dmalab\u2019s: ${shims.join(', ')}; ${plural(empty.length, 'other header')} left empty (docs/kernel-source.md says what is trusted)`,
      2,
      108,
    ),
  ].join('\n');
}
