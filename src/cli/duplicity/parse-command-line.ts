import { didYouMean } from '../../base/did-you-mean.ts';
import { actionsFor, type ActionName, actions, type ActionSpec } from './action-table.ts';
import { commandLineError, exitCodes, fatal } from './fatal.ts';
import { optionByLetter, optionNamed, optionNames, type OptionSpec } from './option-table.ts';

/** An option that chooses files, in its place among the others. */
export interface GivenSelector {
  readonly name: string;
  readonly value: string;
}

/** A command line that was taken apart. */
export interface DuplicityLine {
  readonly options: GivenOptions;
  readonly selectors: readonly GivenSelector[];
  /** What is no option, in order. */
  readonly words: readonly string[];
  /** Options that are taken without effect, and why. */
  readonly remarks: readonly string[];
  /** Sentences about options that the original warns of, too. */
  readonly deprecations: readonly string[];
}

/** The options by their first names. */
export class GivenOptions {
  readonly #values = new Map<string, string[]>();

  add(name: string, ...values: readonly string[]): void {
    this.#values.set(name, [...(this.#values.get(name) ?? []), ...values]);
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** The last value that was given. */
  text(name: string): string | undefined {
    return this.#values.get(name)?.at(-1);
  }

  list(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  number(name: string): number | undefined {
    const text = this.text(name);
    return text === undefined ? undefined : Number(text);
  }
}

/**
 * Takes a command line (without the name of the program) apart. Options may stand anywhere; their names may be cut short as long as they stay unmistakable; a value may follow after `=`
 * or as the next word, also when it begins with a dash.
 *
 * @throws AppError exit code 2
 */
export function parseCommandLine(argv: readonly string[]): DuplicityLine {
  const line = new LineParser(argv);
  line.run();
  return line;
}

class LineParser implements DuplicityLine {
  readonly options = new GivenOptions();
  readonly selectors: GivenSelector[] = [];
  readonly words: string[] = [];
  readonly remarks: string[] = [];
  readonly deprecations: string[] = [];
  readonly #rest: string[];

  constructor(argv: readonly string[]) {
    this.#rest = argv.slice();
  }

  run(): void {
    for (let word = this.#rest.shift(); word !== undefined; word = this.#rest.shift()) {
      if (word === '--') {
        this.words.push(...this.#rest);
        return;
      }
      if (word.startsWith('--')) this.#long(word.slice(2));
      else if (word.startsWith('-') && word !== '-') this.#short(word.slice(1));
      else this.words.push(word);
    }
  }

  #long(written: string): void {
    const equals = written.indexOf('=');
    const name = equals < 0 ? written : written.slice(0, equals);
    const spec = meantBy(name);
    this.#take(spec, `--${name}`, equals < 0 ? undefined : written.slice(equals + 1));
  }

  #short(letters: string): void {
    const spec = optionByLetter(letters[0]!);
    if (spec === undefined) throw wrong(`no such option: -${letters[0]!}`);
    const rest = letters.slice(1);
    if (spec.kind !== 'switch') {
      this.#take(spec, `-${letters[0]!}`, rest === '' ? undefined : rest.replace(/^=/u, ''));
      return;
    }
    this.#take(spec, `-${letters[0]!}`, undefined);
    if (rest !== '') this.#short(rest);
  }

  #take(spec: OptionSpec, written: string, attached: string | undefined): void {
    const [name] = spec.names;
    const isSwitch = spec.kind === 'switch' || spec.kind === 'selector-switch';
    if (isSwitch && attached !== undefined) throw wrong(`${written} option does not take a value`);
    const values = isSwitch ? [] : [this.#value(written, attached)];
    if (spec.kind === 'pair') values.push(this.#value(written, undefined));
    if (spec.refused !== undefined) {
      throw fatal(exitCodes.commandLine, `The option ${written} cannot be used: ${spec.refused}`);
    }
    if (spec.kind === 'number' && !/^[+-]?\d+$/u.test(values[0]!.trim())) {
      throw wrong(`option ${written}: invalid integer value: '${values[0]!}'`);
    }
    if (spec.kind === 'real' && !/^\d+(?:\.\d+)?$/u.test(values[0]!.trim())) {
      throw wrong(`option ${written}: invalid floating-point value: '${values[0]!}'`);
    }
    if (spec.ignored !== undefined) {
      if (spec.ignored !== true) this.remarks.push(`${written} has no effect: ${spec.ignored}`);
      return;
    }
    if (spec.kind === 'selector' || spec.kind === 'selector-switch') {
      const substitute = substituteFor(name);
      if (substitute !== undefined) {
        this.deprecations.push(
          `Warning: Option --${name} is pending deprecation and will be removed in a future release.\n${substitute}`,
        );
      }
      this.selectors.push({ name, value: values[0] ?? '' });
    } else this.options.add(name, ...values);
  }

  #value(written: string, attached: string | undefined): string {
    const value = attached ?? this.#rest.shift();
    if (value === undefined) throw wrong(`${written} option requires 1 argument`);
    return value;
  }
}

/** What is said of the selectors that were there before filelists took patterns. */
function substituteFor(name: string): string | undefined {
  if (name.endsWith('-globbing-filelist')) {
    return '--include-filelist and --exclude-filelist now accept globbing characters and should be used instead.';
  }
  if (!name.endsWith('-filelist-stdin')) return undefined;
  return `On many GNU/Linux systems, stdin is represented by /dev/stdin and
--include-filelist=/dev/stdin or --exclude-filelist=/dev/stdin could
be used as a substitute.`;
}

function meantBy(name: string): OptionSpec {
  const exact = optionNamed(name);
  if (exact !== undefined) return exact;
  const beginning = optionNames.filter((known) => known.startsWith(name));
  const meant = new Set(beginning.map(optionNamed));
  const [only] = meant;
  if (meant.size === 1 && only !== undefined) return only;
  if (meant.size > 1) {
    const all = beginning.toSorted().map((known) => `--${known}`);
    throw wrong(`ambiguous option: --${name} (${all.join(', ')}?)`);
  }
  const nearest = didYouMean(name, optionNames);
  throw wrong(
    `no such option: --${name}${nearest === undefined ? '' : ` (did you mean --${nearest}?)`}`,
  );
}

function wrong(message: string): Error {
  return fatal(exitCodes.commandLine, `duplicity: error: ${message}`);
}

/** What is to be done, and with what. */
export interface ChosenAction {
  readonly name: ActionName;
  readonly spec: ActionSpec;
  readonly arguments: readonly string[];
}

/** Whether a word is the URL of a destination rather than a path or a word for an action. */
export function isUrl(word: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//iu.test(word);
}

/**
 * The action of a command line: the one that is named, else a backup when a URL comes last, a restore when it comes first.
 *
 * @throws AppError exit code 2
 */
export function chooseAction(words: readonly string[]): ChosenAction {
  const [first = '', ...rest] = words;
  const named = isUrl(first) ? [] : actionsFor(first);
  if (named.length > 1) {
    const all = named.map(({ name }) => `'${name}'`).join(', ');
    throw commandLineError(`command '${first}' not unique, could be [${all}]`);
  }
  const [spec] = named;
  if (spec !== undefined) return checked(spec, rest);
  if (words.length !== 2) throw expected(2, words.length);
  const isRestore = isUrl(first);
  if (!isRestore && !isUrl(rest[0]!)) throw withoutUrl();
  return checked(
    actions.find(({ name }) => name === (isRestore ? 'restore' : 'backup'))!,
    words,
  );
}

function checked(spec: ActionSpec, given: readonly string[]): ChosenAction {
  if (given.length !== spec.arguments.length) throw expected(spec.arguments.length, given.length);
  for (const [at, kind] of spec.arguments.entries()) {
    const word = given[at]!;
    if (kind === 'url' && !isUrl(word)) {
      if (spec.arguments.length === 2 && isUrl(given[1 - at]!)) {
        throw commandLineError(`${spec.name} takes ${spec.arguments.join(' and ')}, in this order`);
      }
      throw withoutUrl();
    }
    if (kind === 'count' && !(Number.isSafeInteger(Number(word)) && Number(word) > 0)) {
      throw commandLineError(`${spec.name} count must be > 0`);
    }
  }
  if (spec.arguments[0] === 'source' && isUrl(given[0]!)) {
    throw commandLineError(`${spec.name} takes ${spec.arguments.join(' and ')}, in this order`);
  }
  return { name: spec.name, spec, arguments: given };
}

function expected(wanted: number, got: number): Error {
  return commandLineError(`Expected ${wanted} args, got ${got}`);
}

function withoutUrl(): Error {
  return commandLineError(
    `One of the arguments must be an URL.  Examples of URL strings are
"scp://user@host.net:1234/path" and "file:///usr/local".  See the man
page for more information.`,
  );
}
