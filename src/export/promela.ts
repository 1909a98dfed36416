/** A model in Promela, for Spin. */
import type { AgentProcess, AgentStep, Condition, Model, Move, Statement, Variable } from './model.ts';

/** The text of a model. */
export function promela(model: Model): string {
  return [
    comment(model.preface),
    declarations(model.variables),
    `/* what has gone wrong */\n${rulesOf(model).map(check).join('\n')}\n`,
    ...model.procedures.map(
      ({ name, about, does }) => `/* ${about} */\ninline ${name}() {\n${block(does, 1)}\n}\n`,
    ),
    ...moves('Hardware', 'what caches may do at any time', model.hardware),
    ...moves('Devices', 'what devices may do at any time while they may', model.devices),
    ...model.agents.map(agent),
  ].join('\n');
}

const identifierOf = (rule: string): string => rule.replaceAll('-', '_');

function check(rule: string): string {
  const name = identifierOf(rule);
  return `bool ${name};
inline check_${name}(ok) { if :: (ok) -> skip :: else -> ${name} = true; assert(!${name}) fi }`;
}

function comment(lines: readonly string[]): string {
  return `/*\n${lines.map((line) => ` * ${line}`.trimEnd().replaceAll('*/', '* /')).join('\n')}\n */\n`;
}

function declarations(variables: readonly Variable[]): string {
  const constants = new Set(variables.flatMap(({ type }) => (type === 'boolean' ? [] : type)));
  const lines = variables.map((variable) => {
    const { name, about } = variable;
    const [type, value] =
      variable.type === 'boolean' ? ['bool', String(variable.initially)] : ['mtype', variable.initially];
    return `${type} ${name} = ${value}; /* ${about} */`;
  });
  const types = constants.size === 0 ? '' : `mtype = { ${[...constants].join(', ')} };\n`;
  return `${types}${lines.join('\n')}\n`;
}

function moves(name: string, about: string, all: readonly Move[]): string[] {
  if (all.length === 0) return [];
  const options = all.map(
    (move) => `  :: d_step { /* ${move.name} */ ${condition(move.when)} ->\n${block(move.does, 4)}\n    }`,
  );
  return [`/* ${about} */\nactive proctype ${name}() {\nend:\n  do\n${options.join('\n')}\n  od\n}\n`];
}

function agent({ name, steps }: AgentProcess): string {
  return `active proctype Agent_${name}() {\n${steps.map(agentStep).join('\n') || '  skip'}\n}\n`;
}

function agentStep(step: AgentStep): string {
  const guard = step.when === undefined ? 'true' : condition(step.when);
  if (step.does.length === 0) return `  /* ${step.comment} */\n  ${guard};`;
  return `  /* ${step.comment} */\n  d_step { ${guard} ->\n${block(step.does, 2)}\n  };`;
}

function block(statements: readonly Statement[], depth: number): string {
  return statements.map((each) => '  '.repeat(depth) + statement(each, depth)).join(';\n');
}

function statement(each: Statement, depth: number): string {
  if ('assign' in each) return `${each.assign} = ${constant(each.value)}`;
  if ('call' in each) return `${each.call}()`;
  if ('check' in each)
    return `check_${identifierOf(each.rule)}(${condition(each.check)}) /* ${each.about} */`;
  const inner = block(each.then, depth + 1).trimStart();
  return `if :: ${condition(each.when)} -> ${inner} :: else fi`;
}

const constant = (value: string): string =>
  value === 'TRUE' || value === 'FALSE' ? value.toLowerCase() : value;

function condition(of: Condition): string {
  if ('set' in of) return of.set;
  if ('is' in of) return `${of.variable} == ${of.is}`;
  if ('not' in of) return 'is' in of.not ? `${of.not.variable} != ${of.not.is}` : `!(${condition(of.not)})`;
  if ('all' in of) return joined(of.all, '&&', 'true');
  return joined(of.any, '||', 'false');
}

function joined(conditions: readonly Condition[], operator: string, none: string): string {
  if (conditions.length === 0) return none;
  if (conditions.length === 1) return condition(conditions[0] as Condition);
  return conditions.map((each) => `(${condition(each)})`).join(` ${operator} `);
}

/** Rules that a model has assertions of, in the order in which they come. */
function rulesOf({ agents, devices, procedures }: Model): string[] {
  const processes = [...procedures, ...agents.flatMap(({ steps }) => steps), ...devices];
  const statements = processes.flatMap(({ does }) => does);
  return [...new Set(statements.flatMap((each) => ('check' in each ? [each.rule] : [])))];
}
