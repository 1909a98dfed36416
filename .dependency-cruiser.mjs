/**
 * The rooms, in order: a room may import from those before it, never from those after it.
 * docs/architecture.md says what lives in each.
 */
const rooms = [
  'text',
  'address',
  'coherence',
  'devicetree',
  'trace',
  'machine',
  'xen',
  'linux',
  'designs',
  'kernel-source',
  'pv',
  'replay',
  'audit',
  'scenario',
  'explore',
  'export',
  'report',
  'cli',
];

const direction = rooms.slice(0, -1).map((room, index) => ({
  name: `${room}-imports-earlier-rooms-only`,
  severity: 'error',
  from: { path: `^src/${room}/` },
  to: { path: `^src/(${rooms.slice(index + 1).join('|')})/` },
}));

export default {
  forbidden: [
    ...direction,
    {
      name: 'coherence-knows-no-addresses',
      comment: 'The automaton judges one byte of one line; which byte is the machine\u2019s business.',
      severity: 'error',
      from: { path: '^src/coherence/' },
      to: { path: '^src/(?!coherence/)' },
    },
    {
      name: 'rooms-are-entered-by-their-index',
      severity: 'error',
      from: { path: '^src/([^/]+)/', pathNot: ['\\.test\\.ts$', '/testing\\.ts$'] },
      to: { path: '^src/([^/]+)/', pathNot: ['^src/$1/', '/index\\.ts$'] },
    },
    {
      name: 'no-node-outside-cli',
      comment: 'Everything but the command line runs in a browser.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/cli/', '\\.test\\.ts$', '/testing\\.ts$'] },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.mjs'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node'],
    },
  },
};
