import path from 'node:path';
import { parse } from 'yaml';

import { writeFileAtomically } from '../../base/atomic-file.ts';
import type { CallOptions } from '../../base/call-options.ts';
import { AppError, messageOf } from '../../base/errors.ts';
import { makeDirectories } from '../../base/make-directories.ts';
import { failureOf, runProgram } from '../../base/process.ts';
import type { CharmValues } from '../../configuration/charm/charm-options.ts';

/** Installing may take its time on a slow line. */
const TIME_LIMIT = 20 * 60_000;

export interface PackagesContext extends CallOptions {
  readonly root: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * Adds package sources with their keys, installs the extra packages, and holds or releases them.
 *
 * @throws AppError `input/invalid` for lists that cannot be read, `process/failed` with what apt said
 */
export async function installPackages(
  values: CharmValues,
  context: PackagesContext,
): Promise<void> {
  const packages = String(values['extra_packages'])
    .split(/\s+/u)
    .filter((name) => name !== '');
  const sources = readList(values, 'install_sources');
  const keys = readList(values, 'install_keys');
  for (const name of packages) {
    if (/^[a-z0-9][a-z0-9+.:=~-]*$/iu.test(name)) continue;
    throw new AppError('input/invalid', `"${name}" in "extra_packages" is no name of a package`);
  }
  await writeSources(sources, keys, context);
  if (packages.length === 0) return;
  await run(['apt-get', '-q', 'update'], context);
  await run(['apt-get', '-q', '-y', '--no-install-recommends', 'install', ...packages], context);
  const status = String(values['package_status']);
  if (status !== 'install' && status !== 'hold') {
    throw new AppError('input/invalid', `"package_status" is install or hold, not "${status}"`);
  }
  await run(['apt-mark', status === 'hold' ? 'hold' : 'unhold', ...packages], context);
}

async function writeSources(
  sources: readonly (string | null)[],
  keys: readonly (string | null)[],
  context: PackagesContext,
): Promise<void> {
  const directory = path.join(context.root, 'etc/apt');
  await makeDirectories(path.join(directory, 'sources.list.d'));
  await makeDirectories(path.join(directory, 'trusted.gpg.d'));
  for (const [index, key] of keys.entries()) {
    // `null`: the key is there already.
    if (key === null || key.trim() === '') continue;
    if (!key.includes('-----BEGIN PGP PUBLIC KEY BLOCK-----')) {
      throw new AppError('input/invalid', 'A key in "install_keys" is not ASCII-armoured', {
        hint: 'Ids of keys are not taken: anybody can make a key with the same id. Give the key itself, or null if it is there already',
      });
    }
    await writeFileAtomically(
      path.join(directory, `trusted.gpg.d/holdfast-${index + 1}.asc`),
      Buffer.from(key),
      { mode: 0o644 },
    );
  }
  const lines: string[] = [];
  for (const source of sources) {
    if (source === null || source.trim() === '') continue;
    if (source.startsWith('ppa:')) await run(['add-apt-repository', '-y', source], context);
    else lines.push(source.replaceAll(/[\r\n]+/gu, ' '));
  }
  if (lines.length === 0) return;
  await writeFileAtomically(
    path.join(directory, 'sources.list.d/holdfast.list'),
    Buffer.from(`${lines.join('\n')}\n`),
    { mode: 0o644 },
  );
}

/** A YAML list within a text; a text that is none is a list of one. */
function readList(values: CharmValues, name: string): (string | null)[] {
  const text = String(values[name]);
  if (text.trim() === '') return [];
  let value: unknown;
  try {
    value = parse(text);
  } catch (cause) {
    throw new AppError('input/invalid', `"${name}" is no YAML: ${messageOf(cause)}`, { cause });
  }
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.map((item) => {
    if (item === null || typeof item === 'string') return item;
    throw new AppError('input/invalid', `"${name}" is no list of texts`);
  });
}

async function run(argv: readonly string[], context: PackagesContext): Promise<void> {
  const result = await runProgram(argv, {
    signal: context.signal,
    environment: { ...context.environment, DEBIAN_FRONTEND: 'noninteractive' },
    timeLimit: TIME_LIMIT,
  });
  const failure = failureOf(result);
  if (failure !== undefined)
    throw new AppError('process/failed', `"${argv[0]}" failed: ${failure}`);
}
