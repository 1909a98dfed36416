/** The command line: thin commands over the rooms. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { DeviceTreeError } from '../devicetree/index.ts';
import { InputError } from '../trace/index.ts';
import { Exit } from './exit-code.ts';
import { complain, UsageError } from './messages.ts';
import { type ReplayFlags, replayCommand } from './replay-command.ts';

const program = new Command('dmalab')
  .description('Judges DMA cache coherence of Linux and Xen on Arm')
  .version('0.1.0')
  .exitOverride()
  .configureOutput({ outputError: (text) => complain(text.replace(/^error: /, '').trim()) });

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
  .option('--json', 'one JSON document (schemas/replay.schema.json)')
  .option('--strict', 'hazards count as findings')
  .option('--exit-zero', 'exit 0 whatever is found')
  .option('-q, --quiet', 'no progress')
  .action(async (trace: string, flags: ReplayFlags) => {
    process.exitCode = await replayCommand(trace, flags);
  });

function lineSize(text: string): number {
  const size = Number(text);
  if (!Number.isInteger(size) || size < 16 || size > 2048 || !Number.isInteger(Math.log2(size)))
    throw new InvalidArgumentError('expected a power of two from 16 to 2048.');
  return size;
}

// A reader that goes away (head, less) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(process.exitCode ?? Exit.nothingFound);
  throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : Exit.unusable;
  else if (error instanceof UsageError || error instanceof InputError || error instanceof DeviceTreeError) {
    complain(error.message);
    process.exitCode = Exit.unusable;
  } else throw error;
}
