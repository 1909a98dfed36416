/** A model in Murphi, for Rumur. */
import type { AgentProcess, Condition, Model, Move, Statement, Variable } from './model.ts';

/** The text of a model. */
export function murphi(model: Model): string {
  return [
    model.preface.map((line) => `-- ${line}`.trimEnd()).join('\n'),
    '',
    ...types(model.variables),
    'var',
    ...model.variables.map(
      (variable) =>
        `  ${variable.name}: ${variable.type === 'boolean' ? 'boolean' : variable.typeName}; -- ${variable.about}`,
    ),
    ...model.agents.map(({ name, steps }) => `  ${at(name)}: 0 .. ${steps.length}; -- steps done`),
    '',
    ...model.procedures.map(
      ({ name, about, does }) => `-- ${about}\nprocedure ${name}();\nbegin\n${block(does, 1)}end;\n`,
    ),
    'startstate begin',
    ...model.variables.map((variable) => `  ${variable.name} := ${variable.initially};`),
    ...model.agents.map(({ name }) => `  ${at(name)} := 0;`),
    'end;',
    '',
    '-- what caches may do at any time',
    ...model.hardware.map(rule),
    ...(model.devices.length > 0 ? ['-- what devices may do at any time while they may'] : []),
    ...model.devices.map(rule),
    ...model.agents.map(agent),
  ].join('\n');
}

const at = (agent: string): string => `done_${agent}`;

function types(variables: readonly Variable[]): string[] {
  const all = new Map<string, readonly string[]>();
  for (const variable of variables)
    if (variable.type !== 'boolean') all.set(variable.typeName, variable.type);
  if (all.size === 0) return [];
  return ['type', ...[...all].map(([name, values]) => `  ${name}: enum { ${values.join(', ')} };`)];
}

function rule({ name, when, does }: Move): string {
  return `rule ${text(name)} ${condition(when)} ==> begin\n${block(does, 1)}end;\n`;
}

function agent({ name, steps }: AgentProcess): string {
  return steps
    .map(({ comment, when, does }, i) => {
      const guard = `${at(name)} = ${i}${when === undefined ? '' : ` & (${condition(when)})`}`;
      return `rule ${text(`${name}, ${comment}`)} ${guard} ==> begin\n${block(does, 1)}  ${at(name)} := ${i + 1};\nend;\n`;
    })
    .join('\n');
}

function block(statements: readonly Statement[], depth: number): string {
  return statements.map((each) => `${'  '.repeat(depth)}${statement(each, depth)};\n`).join('');
}

function statement(each: Statement, depth: number): string {
  if ('assign' in each) return `${each.assign} := ${constant(each.value)}`;
  if ('call' in each) return `${each.call}()`;
  if ('check' in each) return `assert ${text(`${each.rule}: ${each.about}`)} ${condition(each.check)}`;
  return `if ${condition(each.when)} then\n${block(each.then, depth + 1)}${'  '.repeat(depth)}end`;
}

const text = (of: string): string => `"${of.replaceAll('"', "'")}"`;
const constant = (value: string): string =>
  value === 'TRUE' || value === 'FALSE' ? value.toLowerCase() : value;

function condition(of: Condition): string {
  if ('set' in of) return of.set;
  if ('is' in of) return `${of.variable} = ${of.is}`;
  if ('not' in of) return 'is' in of.not ? `${of.not.variable} != ${of.not.is}` : `!(${condition(of.not)})`;
  if ('all' in of) return joined(of.all, '&', 'true');
  return joined(of.any, '|', 'false');
}

function joined(conditions: readonly Condition[], operator: string, none: string): string {
  if (conditions.length === 0) return none;
  if (conditions.length === 1) return condition(conditions[0] as Condition);
  return conditions.map((each) => `(${condition(each)})`).join(` ${operator} `);
}
