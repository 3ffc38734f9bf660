import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import type { ServerProgram } from './server.ts';

const run = promisify(execFile);

export const keystonePrograms = [
  'keystone-manage',
  'keystone-wsgi-public',
  '/usr/lib/python3/dist-packages/keystonemiddleware',
];

/** The only user, in the domain `Default`; Swift itself asks as this user as well. */
export const keystoneUser = {
  name: 'bk',
  password: 's3cret',
  project: 'proj1',
  region: 'R1',
} as const;

/**
 * Keystone's configuration and its database in `directory`. SQLite locks itself out when the API writes; the command that makes
 * everything beforehand does not, and giving out tokens writes nothing.
 */
export async function prepareKeystone(
  directory: string,
  { port, swift }: { readonly port: number; readonly swift: string },
): Promise<void> {
  const keys = path.join(directory, 'fernet');
  const configuration = path.join(directory, 'keystone.conf');
  await mkdir(keys, { mode: 0o700 });
  for (const key of ['0', '1'])
    await writeFile(path.join(keys, key), randomBytes(32).toString('base64url').padEnd(44, '='), {
      mode: 0o600,
    });
  await writeFile(
    configuration,
    `[DEFAULT]
log_file = ${path.join(directory, 'keystone.log')}
use_stderr = false
[database]
connection = sqlite:///${path.join(directory, 'keystone.db')}
[token]
provider = fernet
[fernet_tokens]
key_repository = ${keys}
[fernet_receipts]
key_repository = ${keys}
[credential]
key_repository = ${keys}
[cache]
enabled = false
[catalog]
driver = templated
template_file = ${path.join(directory, 'catalog.templates')}
`,
  );
  await writeFile(
    path.join(directory, 'catalog.templates'),
    `catalog.${keystoneUser.region}.identity.publicURL = http://127.0.0.1:${port}/v3
catalog.${keystoneUser.region}.identity.internalURL = http://127.0.0.1:${port}/v3
catalog.${keystoneUser.region}.identity.name = keystone
catalog.${keystoneUser.region}.object-store.publicURL = ${swift}/v1/AUTH_$(tenant_id)s
catalog.${keystoneUser.region}.object-store.internalURL = http://127.0.0.1:9/v1/AUTH_$(tenant_id)s
catalog.${keystoneUser.region}.object-store.name = swift
`,
  );
  const manage = (...argv: readonly string[]): Promise<unknown> =>
    run('keystone-manage', ['--config-file', configuration, ...argv], { cwd: directory });
  await manage('db_sync');
  await manage(
    'bootstrap',
    '--bootstrap-username',
    keystoneUser.name,
    '--bootstrap-password',
    keystoneUser.password,
    '--bootstrap-project-name',
    keystoneUser.project,
    '--bootstrap-role-name',
    'admin',
  );
}

/** Keystone itself; `prepareKeystone` comes first. */
export function keystoneProgram(directory: string, port: number): ServerProgram {
  return {
    argv: ['keystone-wsgi-public', '--host', '127.0.0.1', '--port', String(port)],
    environment: {
      OS_KEYSTONE_CONFIG_DIR: directory,
      OS_KEYSTONE_CONFIG_FILES: 'keystone.conf',
    },
  };
}
