/**
 * Entry point. Node keeps what it makes of the TypeScript (stripped types, compiled code) from run to run: that was
 * measured to take two thirds off the start. This file alone is JavaScript: what is loaded before the cache is enabled
 * is not in it, and the compiler that Node would need for it took 0.08 s of every run. So an older Node can read it, too.
 */
import * as nodeModule from 'node:module';

const NEEDED = 24;
if (Number.parseInt(process.versions.node, 10) < NEEDED) {
  process.stderr.write(
    `dmalab: found Node ${process.versions.node}, expected ${NEEDED} or later (npm ci brings one: bin/dmalab.js and "npm run dmalab --" use it)\n`,
  );
  process.exitCode = 2;
} else {
  nodeModule.enableCompileCache();
  // Our own files import each other by their full names: to look for them, and for what kind they are, took a third of a start.
  nodeModule.registerHooks({
    resolve: (specifier, context, next) =>
      specifier.startsWith('.') && specifier.endsWith('.ts')
        ? {
            url: new URL(specifier, context.parentURL).href,
            format: 'module-typescript',
            shortCircuit: true,
          }
        : next(specifier, context),
  });
  await import('./program.ts');
}
