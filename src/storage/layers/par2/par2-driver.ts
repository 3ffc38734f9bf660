import { AppError } from '../../../base/errors.ts';
import { defineDriver, type DriverContext, type StorageDriver } from '../../driver.ts';
import type { OptionsOf } from '../../option-schema.ts';
import type { Storage } from '../../storage.ts';
import type { DestinationUrl } from '../../url.ts';
import { par2Options } from './par2-options.ts';
import { Par2Program } from './par2-program.ts';
import { protecting } from './protecting.ts';

function incomplete(): AppError {
  return new AppError('input/usage', '"par2" is written in front of another kind of storage', {
    hint: 'For example par2+sftp://user@host/path',
  });
}

/** What there is to say about `par2+` by itself; a storage comes only with another scheme behind it. */
export const par2Driver = defineDriver({
  scheme: 'par2',
  title: 'Recovery files beside each object of another storage, as duplicity makes them',
  urlForms: ['par2+sftp://[user[:password]@]host[:port]/path', 'par2+SCHEME://…'],
  testedAgainst: 'par2cmdline 0.8.1, duplicity 0.8.22',
  needs: 'par2',
  options: par2Options,
  fromUrl() {
    throw incomplete();
  },
  open() {
    throw incomplete();
  },
});

/** A driver whose storages have recovery files: `par2+file` from `file`, with the options of both. */
export function withPar2(driver: StorageDriver): StorageDriver {
  if (driver.around !== undefined)
    throw new AppError('input/usage', '"par2+" can be written once only');
  return {
    ...driver,
    urlForms: driver.urlForms.map((form) => `par2+${form}`),
    options: [...driver.options, ...par2Options],
    fromUrl: (url: DestinationUrl) =>
      driver.fromUrl({ ...url, scheme: url.scheme.replace(/^par2\+/u, '') }),
    around,
  };
}

function around(
  storage: Storage,
  options: OptionsOf<typeof par2Options>,
  { environment, warn }: DriverContext,
): Storage {
  const program = new Par2Program({
    redundancy: wholeNumber('par2-redundancy', options['par2-redundancy'], 100),
    volumes: wholeNumber('par2-volumes', options['par2-volumes'], 31),
    parameters: parametersIn(options['par2-options']),
    program: options['par2-program'],
    environment,
  });
  return protecting(storage, { program, temporary: options['par2-temporary-directory'], warn });
}

function wholeNumber(name: string, value: number, most: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new AppError(
    'input/usage',
    `The option "${name}" must be a whole number from 1 to ${most}`,
  );
}

/** No shell reads them. A word that is no parameter would be taken for a file. */
function parametersIn(text: string): readonly string[] {
  const words = text.split(/\s+/u).filter((word) => word !== '');
  const strange = words.find((word) => !/^-[a-zA-Z]/u.test(word) || /^-[aBR]/u.test(word));
  if (strange === undefined) return words;
  throw new AppError('input/usage', `The option "par2-options" cannot have "${strange}"`, {
    hint: 'Write parameters of "par2 create" without spaces in them, as "-b500 -t1"',
  });
}
