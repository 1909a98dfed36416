/** The command line: thin commands over the rooms. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { Language } from '../export/index.ts';
import type { AuditFlags } from './audit-command.ts';
import type { CheckFlags } from './check-command.ts';
import { Exit } from './exit-code.ts';
import type { ExportFlags } from './export-command.ts';
import { type Io, UsageError } from './io.ts';
import type { ReplayFlags } from './replay-command.ts';
import type { RunFlags } from './run-command.ts';
import { VERSION } from './version.ts';

/** Run one command. @param args without the program's name. @returns the exit code. */
export async function run(args: readonly string[], io: Io): Promise<Exit> {
  let exit: Exit = Exit.nothingFound;
  if (args.length === 0) {
    io.complain('found no command, expected: dmalab replay TRACE (dmalab --help lists what there is)');
    return Exit.unusable;
  }
  // Each command is loaded when it is needed: the others need not wait for it.
  const program = makeProgram(io, {
    replay: async (trace, flags) => {
      const { replayCommand } = await import('./replay-command.ts');
      exit = await replayCommand(trace, flags, io);
    },
    check: async (scenarios, flags) => {
      const { checkCommand } = await import('./check-command.ts');
      exit = await checkCommand(scenarios, flags, io);
    },
    audit: async (boards, flags) => {
      const { auditCommand } = await import('./audit-command.ts');
      exit = await auditCommand(boards, flags, io);
    },
    run: async (flags) => {
      const { runCommand } = await import('./run-command.ts');
      exit = await runCommand(flags, io);
    },
    export: async (scenario, flags) => {
      const { exportCommand } = await import('./export-command.ts');
      exit = await exportCommand(scenario, flags, io);
    },
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exit;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? Exit.nothingFound : Exit.unusable;
    io.complain((await complaintOf(error)) ?? internalError(error));
    return Exit.unusable;
  }
}

/** What to say where what the user gave is to blame. */
async function complaintOf(error: unknown): Promise<string | undefined> {
  if (error instanceof UsageError) return error.message;
  // Not loaded before: behind it is most of the program, which takes longer to load than most boards to audit.
  const { KernelSourceError } = await import('../kernel-source/index.ts');
  return error instanceof KernelSourceError ? error.message : undefined;
}

interface Commands {
  replay(trace: string, flags: ReplayFlags): Promise<void>;
  check(scenarios: string[], flags: CheckFlags): Promise<void>;
  audit(boards: string[], flags: AuditFlags): Promise<void>;
  run(flags: RunFlags): Promise<void>;
  export(scenario: string, flags: ExportFlags): Promise<void>;
}

function makeProgram(io: Io, commands: Commands): Command {
  const program = new Command('dmalab')
    .description('Judges DMA cache coherence of Linux and Xen on Arm')
    .version(VERSION)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.out(text),
      writeErr: (text) => io.complain(text.trimEnd()),
      // What is wrong and a suggestion are lines of their own.
      outputError: (text) =>
        io.complain(
          `${text
            .replace(/^error: /, '')
            .trim()
            .replaceAll('\n', ' ')}${SEE}`,
        ),
    });
  program
    .command('replay')
    .description(
      'judge a kernel trace: was data corrupted, could it have been, what would each design have done',
    )
    .argument('<trace>', 'ftrace text or trace-cmd report output, plain or gzipped; - for standard input')
    .option('--dtb <file>', 'the board\u2019s device tree: which devices are coherent, is it Xen')
    .option('--iomem <file>', '/proc/iomem of the traced kernel (read as root): which pages are its own')
    .option('--kernel <version>', 'release of the traced kernel, where it is not to be inferred')
    .addOption(
      new Option('--hardware <what>', 'what the devices really do, whatever the device tree says').choices([
        'coherent',
        'non-coherent',
      ]),
    )
    .option('--line-size <bytes>', 'cache line: the largest granule of the system', lineSize, 64)
    .option('--design <names>', 'designs to judge, separated by commas, or all')
    .option('--kernel-source <dir>', 'a Linux tree: its own DMA code, compiled, as one more design')
    .option('--json', 'one JSON document (schemas/replay.schema.json)')
    .option('--strict', 'hazards count as findings')
    .option('--exit-zero', 'exit 0 whatever is found')
    .option('-q, --quiet', 'no progress')
    .action(commands.replay);
  program
    .command('check')
    .description(
      'explore scenarios: every cache behaviour, every interleaving; is a design right, and if not, how not',
    )
    .argument('[scenarios...]', 'scenario files or folders of them; without any, those that ship with dmalab')
    .option(
      '--design <names>',
      'designs to check, separated by commas, or all; without it, those with an expectation',
    )
    .option('--kernel-source <dir>', 'a Linux tree: its own DMA code, compiled, as one more design')
    .option('--watch', 'with --kernel-source: build and check again whenever a file of it is saved')
    .option('--json', 'one JSON document (schemas/check.schema.json)')
    .option('--explain', 'show how each violation happens, expected ones too (usual for a few results)')
    .option('--shrink', 'make violations that are shown as small as possible')
    .option('--write <file>', 'write the violation, shrunk, as a scenario that can be run again')
    .option('--svg <file>', 'write its timeline as a picture')
    .option('--perfetto <file>', 'write its timeline as a trace for Perfetto or chrome://tracing')
    .option('--force', 'replace files that are there')
    .option('--executions <count>', 'bound: executions a case and design', positive)
    .option('--transitions <count>', 'bound: transitions a case and design', positive)
    .option('-q, --quiet', 'no progress')
    .action(commands.check);
  program
    .command('audit')
    .description('what a board means for DMA under Xen: coherent or not, how far, which maintenance')
    .argument('<boards...>', 'device trees, plain or gzipped, or folders of them; - for standard input')
    .option('--overlay <file>', 'apply an overlay to the board first (again for more)', collect)
    .option('--compare', 'of two boards, old and new: what changed in DMA terms')
    .option('--summary', 'sum up by family of SoCs (usual for more than 8 boards)')
    .addOption(
      new Option('--dom0 <how>', 'whether dom0\u2019s addresses are machine addresses')
        .choices(['direct-mapped', 'translated'])
        .default('direct-mapped'),
    )
    .option('--no-smmu', 'Xen runs with iommu=no')
    .option('--dom0-mem <memory>', 'how much memory dom0 has (1G), or which (512M@0x40000000,1G@0x880000000)')
    .option(
      '--json',
      'one JSON document (schemas/audit.schema.json; --compare: audit-comparison.schema.json)',
    )
    .option('--sarif <file>', 'write the findings as SARIF 2.1.0')
    .option('--force', 'replace a file that is there')
    .option('--strict', 'hazards count as findings')
    .option('--exit-zero', 'exit 0 whatever is found')
    .option('-q, --quiet', 'no progress')
    .action(commands.audit);
  program
    .command('run')
    .description('send data through a PV disk or network with real bytes and see what arrives')
    .option('--data <file>', 'the file to send; without it, a pattern')
    .option('--bytes <count>', 'bytes of the pattern', positive)
    .option('--image <file>', 'the image to send: the pixels of a PNG or a binary PPM')
    .option('--request <bytes>', 'bytes of a request, whole sectors of 512', positive, 16384)
    .option('--align <bytes>', 'offset of buffers in their first page, whole sectors', natural, 512)
    .option(
      '--contiguous <pages>',
      'pages of a buffer that follow each other in the machine; without it, all',
      positive,
    )
    .option('--depth <count>', 'requests under way at once', positive, 1)
    .option(
      '--packet <bytes>',
      'send the data in packets of this size through a PV network instead',
      positive,
    )
    .option('--persistent', 'persistent grants: data is copied through pages that stay granted')
    .option('--design <names>', 'designs of dom0\u2019s DMA layer, separated by commas', 'linux-6.12')
    .option('--kernel <version>', 'dom0\u2019s Linux; without it, that of the design')
    .addOption(
      new Option('--hardware <what>', 'the devices')
        .choices(['coherent', 'non-coherent'])
        .default('non-coherent'),
    )
    .addOption(
      new Option('--believed <what>', 'what dom0 believes of the devices; without it, what they are').choices(
        ['coherent', 'non-coherent'],
      ),
    )
    .option('--bus-offset <bytes>', 'DMA address of machine address 0 (dma-ranges)', offset, 0)
    .option('--dma-bits <count>', 'address lines of the devices, 32 to 64', dmaBits, 64)
    .option('--line-size <bytes>', 'cache line', lineSize, 64)
    .option('--cache <shape>', 'unbounded, or SETSxWAYS with :lru, :fifo or :random', 'unbounded')
    .option(
      '--rate <probability>',
      'that a line moves by itself before an operation, 0 to 0.9',
      probability,
      0.3,
    )
    .option('--seed <number>', 'what hardware does by itself follows from it', natural, 1)
    .option('--seeds <count>', 'as many runs, from that seed on', positive, 1)
    .option('--adversarial', 'caches behave as badly as the architecture allows; no bytes')
    .option('--arrived <file>', 'write what arrived')
    .option('--picture <file>', 'write the image that arrived, as PNG')
    .option('--plot <file>', 'write what maintenance costs by size and offset of requests, as SVG')
    .option('--record <file>', 'write the run as ftrace text that dmalab replay reads')
    .option('--force', 'replace files that are there')
    .option('--json', 'one JSON document (schemas/run.schema.json)')
    .option('-q, --quiet', 'no progress')
    .action(commands.run);
  program
    .command('export')
    .description('write a scenario with a design as a model for Spin (Promela) or Rumur (Murphi)')
    .argument('<scenario>', 'scenario file, or - for standard input')
    .requiredOption('--design <name>', 'the design')
    .addOption(
      new Option('--to <language>', 'language of the model').choices(LANGUAGES).makeOptionMandatory(),
    )
    .option('--case <which>', 'case of a sweep: its number from 1, or its name')
    .option('--lines <count>', 'cache lines that the model may have (usually 8)', positive)
    .option('-o, --output <file>', 'write the model there')
    .action(commands.export);
  return program;
}

/** Those of src/export/; loading it for its names would take longer than most commands. */
const LANGUAGES: readonly Language[] = ['promela', 'murphi'];

const SEE = ' (dmalab COMMAND --help lists what there is)';

function lineSize(text: string): number {
  const size = Number(text);
  if (!Number.isInteger(size) || size < 16 || size > 2048 || !Number.isInteger(Math.log2(size)))
    throw new InvalidArgumentError('Expected a power of two from 16 to 2048.');
  return size;
}

function collect(text: string, others: readonly string[] = []): readonly string[] {
  return [...others, text];
}

function positive(text: string): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1)
    throw new InvalidArgumentError('Expected a whole number, at least 1.');
  return count;
}

function natural(text: string): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 0) throw new InvalidArgumentError('Expected a whole number.');
  return count;
}

function offset(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || Math.abs(value) > 2 ** 40 || value % 4096 !== 0)
    throw new InvalidArgumentError('Expected whole pages of 4096 bytes, as 0xc0000000.');
  return value;
}

function dmaBits(text: string): number {
  const bits = Number(text);
  if (!Number.isInteger(bits) || bits < 32 || bits > 64)
    throw new InvalidArgumentError('Expected a whole number from 32 to 64.');
  return bits;
}

function probability(text: string): number {
  const value = Number(text);
  if (!(value >= 0 && value <= 0.9)) throw new InvalidArgumentError('Expected a number from 0 to 0.9.');
  return value;
}

/** What should never happen is said in one line, too. */
function internalError(error: unknown): string {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const debug = process.env['DMALAB_DEBUG'];
  return debug ? (stack ?? message) : `internal error: ${message} (a bug; DMALAB_DEBUG=1 shows where)`;
}
