import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

import { packageFile } from '../../base/program-files.ts';
import { AppError, messageOf } from '../../base/errors.ts';
import { type CharmValues, readCharmOptions } from '../../configuration/charm/charm-options.ts';
import { syntaxSentence } from '../../configuration/configuration-document.ts';
import type { CliContext } from '../context.ts';
import { JujuTools } from './juju-tools.ts';
import { UnitFiles } from './unit-files.ts';

/** The flags that say which unit is meant. */
export interface UnitFlags {
  readonly options: string | undefined;
  readonly unit: string | undefined;
  readonly root: string | undefined;
}

/** A unit that a command works with. */
export interface GivenUnit {
  readonly unit: string;
  readonly files: UnitFiles;
  readonly root: string;
  /** Its options. @throws AppError `input/usage` if there are none anywhere */
  readonly options: () => Promise<CharmValues>;
}

/** How other programs call this one: by the launcher of its installation. */
export const ownLauncher = fileURLToPath(packageFile('bin/holdfast'));

/** Finds out which unit is meant, and where its options are: a file that was given, Juju, or those in force on this machine. */
export function givenUnit(
  flags: UnitFlags,
  context: Pick<CliContext, 'environment' | 'workingDirectory' | 'signal'>,
): GivenUnit {
  const { environment, workingDirectory, signal } = context;
  const unit = flags.unit ?? environment['JUJU_UNIT_NAME'] ?? hostname();
  const root = path.resolve(workingDirectory, flags.root ?? '/');
  if (!/^[A-Za-z0-9][A-Za-z0-9._/-]*$/u.test(unit) || unit.includes('..')) {
    throw new AppError('input/usage', `"${unit}" is no name of a unit`);
  }
  const files = new UnitFiles({ root, unit, program: ownLauncher });
  return {
    unit,
    files,
    root,
    async options() {
      if (flags.options !== undefined) {
        return readCharmOptions(
          await readOptionsFile(path.resolve(workingDirectory, flags.options)),
        );
      }
      if (JujuTools.isThere(environment)) {
        return readCharmOptions(await new JujuTools(environment, { signal }).configuration());
      }
      const saved = await files.savedOptions();
      if (saved !== undefined) return saved;
      throw new AppError(
        'input/usage',
        `There are no options of the unit "${unit}" on this machine`,
        {
          hint: 'Give a file with --options, or the unit with --unit',
        },
      );
    },
  };
}

/** A map of options; also what `juju config --format yaml` prints and what stands below `options:` in a bundle. */
async function readOptionsFile(file: string): Promise<Readonly<Record<string, unknown>>> {
  const fail = (reason: string, cause: unknown): AppError =>
    new AppError('input/invalid', `Cannot read the options from "${file}": ${reason}`, { cause });
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw fail(messageOf(cause), cause);
  });
  let value: unknown;
  try {
    value = parse(text, { prettyErrors: false });
  } catch (cause) {
    throw fail(syntaxSentence(messageOf(cause)), cause);
  }
  const map = objectIn(objectIn(value, 'settings') ?? objectIn(value, 'options') ?? value);
  if (map === undefined) {
    throw new AppError('input/invalid', `"${file}" holds no options`, {
      hint: 'Write NAME: VALUE lines',
    });
  }
  return Object.fromEntries(
    Object.entries(map).map(([name, one]) => [
      name,
      objectIn(one) === undefined ? one : (one as { value?: unknown }).value,
    ]),
  );
}

function objectIn(value: unknown, key?: string): Readonly<Record<string, unknown>> | undefined {
  const inner = key === undefined ? value : objectIn(value)?.[key];
  return typeof inner === 'object' && inner !== null && !Array.isArray(inner)
    ? (inner as Readonly<Record<string, unknown>>)
    : undefined;
}
