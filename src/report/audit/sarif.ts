/**
 * Findings of `audit` as SARIF 2.1.0 (OASIS standard, 2020), which code review and CI systems show.
 *
 * A device tree blob has no lines: the place of a finding is the byte of its node, and the node's path as a logical location.
 */
import { type BoardAudit, type Finding, RULES, type Rule } from '../../audit/index.ts';

const LEVELS = { error: 'error', hazard: 'warning', note: 'note' } as const;
const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';
const RULE_IDS = Object.keys(RULES) as Rule[];

/** One result. Made board by board, because trees are not kept. */
export function sarifResults(file: string, { findings }: BoardAudit) {
  return findings.map(({ rule, severity, node, explanation }: Finding) => {
    return {
      ruleId: rule,
      ruleIndex: RULE_IDS.indexOf(rule),
      level: LEVELS[severity],
      message: { text: explanation },
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: uriOf(file) },
            region: { byteOffset: node.offset, byteLength: 4 },
          },
          logicalLocations: [{ fullyQualifiedName: node.path, kind: 'object' }],
        },
      ],
    };
  });
}
export type SarifResult = ReturnType<typeof sarifResults>[number];

/** The log of one run. */
export function sarifLog(results: readonly SarifResult[], version: string) {
  return {
    $schema: SCHEMA,
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'dmalab',
            version,
            rules: RULE_IDS.map((id) => ({
              id,
              shortDescription: { text: RULES[id] },
              help: { text: `docs/audit.md, section ${id}` },
            })),
          },
        },
        columnKind: 'utf16CodeUnits',
        results,
      },
    ],
  };
}

/** A relative or absolute path as a URI reference. */
function uriOf(file: string): string {
  return file.split('/').map(encodeURIComponent).join('/');
}
