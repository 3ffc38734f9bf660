import type { StorageDriver } from '../../src/storage/driver.ts';
import { commonOptions } from '../../src/storage/open-storage.ts';
import type { StorageOption } from '../../src/storage/option-schema.ts';
import { storageDriver } from '../../src/storage/registry.ts';
import { offeredSchemes } from '../../src/storage/schemes.ts';
import { aliasesOf } from '../../src/storage/schemes.ts';
import { markdownTable } from './markdown-table.ts';

/** `docs/reference/destinations.md`: every kind of storage with its options. */
export async function destinationsPage(): Promise<string> {
  const drivers = await Promise.all(offeredSchemes.map(storageDriver));
  return `${[
    '# Destinations',
    'Made from the drivers by `npm run reference`; `holdfast destination list KIND` says the same. `holdfast destination test URL` tries a storage.',
    'A destination is written `scheme://[user[:password]@]host[:port]/path?option=value&…`; a text without a scheme is a path. In user, password, path and options, `%`, `?`, `#`, and in user and password also `/`, `@` and `:`, are written as `%25`, `%3F` and so on. The forms of Duplicati, duplicity and restic are understood.',
    'An option is taken from the first of these that has it: the URL, `--option NAME=VALUE`, the environment (`HOLDFAST_<SCHEME>_<OPTION>`, then the variables of other programs in the order given), the default. Every secret can also be given as `NAME-file` (its first line) or `NAME-command` (the first line of what the command prints), and by a variable that ends in `_FILE`. Secrets are never printed. Options of Duplicati that ask for something else than is done here are refused with a reason; those on which nothing depends are accepted, and `--verbose` says so.',
    markdownTable([
      ['kind', 'what', 'also called', 'tested against', 'needs'],
      ...drivers.map(({ scheme, title, testedAgainst, needs }) => [
        `[${scheme}](#${scheme})`,
        title,
        codes(aliasesOf(scheme)),
        testedAgainst,
        needs === undefined ? '' : `\`${needs}\``,
      ]),
    ]),
    '## Options of every kind',
    ...optionTables(commonOptions),
    ...drivers.flatMap(driverSection),
  ].join('\n\n')}\n`;
}

function driverSection(driver: StorageDriver): string[] {
  return [
    `## ${driver.scheme}`,
    `${driver.title}. Tested against ${driver.testedAgainst}.`,
    `\`\`\`text\n${driver.urlForms.join('\n')}\n\`\`\``,
    ...optionTables(driver.options),
  ];
}

function optionTables(options: readonly StorageOption[]): readonly string[] {
  const foreign = options.filter((option) => option.foreign !== undefined);
  return [
    optionTable(options.filter((option) => option.foreign === undefined)),
    ...(foreign.length === 0
      ? []
      : [
          markdownTable([
            ['option of Duplicati', 'what comes of it'],
            ...foreign.map(({ name, help }) => [`\`${name}\``, help]),
          ]),
        ]),
  ];
}

function optionTable(options: readonly StorageOption[]): string {
  return markdownTable([
    ['option', 'value', 'default', 'meaning', 'other names', 'variables of other programs'],
    ...options.map((option) => [
      `\`${option.name}\``,
      option.choices === undefined ? option.kind : codes(option.choices),
      option.default === undefined
        ? option.required === true
          ? 'required'
          : ''
        : `\`${option.default}\``,
      option.help,
      codes(option.aliases),
      codes(option.environment),
    ]),
  ]);
}

function codes(names: readonly string[] = []): string {
  return names.map((name) => `\`${name}\``).join(', ');
}
