import type { StorageDriver } from '../../storage/driver.ts';
import { environmentNameOf, optionsOf } from '../../storage/open-storage.ts';
import type { StorageOption } from '../../storage/option-schema.ts';
import { storageDriver } from '../../storage/registry.ts';
import { aliasesOf, offeredSchemes } from '../../storage/schemes.ts';
import type { CommandRun } from '../command.ts';
import type { destinationList } from '../definitions/destination.ts';
import type { Output } from '../output/output.ts';

export const run: CommandRun<typeof destinationList> = async (input, { output }) => {
  const { SCHEME: scheme } = input.arguments;
  const drivers = await Promise.all(
    scheme === undefined ? offeredSchemes.map(storageDriver) : [storageDriver(scheme)],
  );
  for (const driver of drivers) output.object(recordOf(driver));
  if (scheme === undefined) {
    output.table(
      [{ title: 'Kind' }, { title: 'What' }, { title: 'Also called' }, { title: 'Needs' }],
      drivers.map((driver) => [
        driver.scheme,
        driver.title,
        aliasesOf(driver.scheme).join(', '),
        driver.needs ?? '',
      ]),
    );
    if (!input.flags.options) {
      output.note('');
      output.note('"holdfast destination list KIND" shows the options of one');
    }
  }
  if (scheme !== undefined || input.flags.options)
    for (const driver of drivers) tellOptions(driver, output);
  return 0;
};

function recordOf(driver: StorageDriver): { readonly type: string } {
  const { scheme, title, urlForms, testedAgainst, needs } = driver;
  return {
    type: 'destination',
    scheme,
    title,
    urlForms,
    testedAgainst,
    needs,
    aliases: aliasesOf(scheme),
    options: optionsOf(driver).map((option) => ({
      ...option,
      variables: [environmentNameOf(scheme, option.name), ...(option.environment ?? [])],
    })),
  } as { readonly type: string };
}

function tellOptions(driver: StorageDriver, output: Output): void {
  output.line('');
  output.line(`${driver.scheme}: ${driver.title}`);
  for (const form of driver.urlForms) output.line(`  ${form}`);
  output.line(`  Tested against ${driver.testedAgainst}`);
  if (driver.needs !== undefined) output.line(`  Needs the program "${driver.needs}"`);
  output.line('');
  output.table(
    [{ title: 'Option' }, { title: 'Value' }, { title: 'Default' }, { title: 'What for' }],
    optionsOf(driver)
      .filter(({ foreign }) => foreign === undefined)
      .map((option) => [
        option.name,
        valueOf(option),
        option.default ?? (option.required === true ? 'required' : ''),
        option.help,
      ]),
  );
  const foreign = optionsOf(driver).filter((option) => option.foreign !== undefined);
  output.line('');
  output.table(
    [{ title: 'Option of Duplicati' }, { title: 'What comes of it' }],
    foreign.map(({ name, help }) => [name, help]),
  );
}

function valueOf({ kind, choices }: StorageOption): string {
  if (kind === 'choice') return (choices ?? []).join('|');
  return {
    string: 'TEXT',
    number: 'N',
    boolean: 'yes|no',
    size: 'SIZE',
    duration: 'TIME',
    secret: 'SECRET',
  }[kind];
}
