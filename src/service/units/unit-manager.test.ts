/** There is no running systemd on machines that test: what is called is recorded by a script in its place. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { disableUnits, enableUnits } from './unit-manager.ts';

test('units are read, enabled and started; timers are stopped before they go', async () => {
  await using directory = await temporaryDirectory();
  const log = path.join(directory.path, 'log');
  await writeFile(path.join(directory.path, 'systemctl'), `#!/bin/sh\necho "$*" >> ${log}\n`, {
    mode: 0o755,
  });
  const environment = { PATH: `${directory.path}:/usr/bin:/bin` };
  await enableUnits(['a.timer', 'b.timer'], { isUser: false, environment });
  await disableUnits(['c.timer'], { isUser: true, environment });
  await disableUnits([], { isUser: true, environment });
  assert.deepEqual((await readFile(log, 'utf8')).trim().split('\n'), [
    'daemon-reload',
    'enable a.timer b.timer',
    'restart a.timer b.timer',
    '--user disable --now c.timer',
  ]);
});

test('what systemctl says is told', async () => {
  await using directory = await temporaryDirectory();
  const script = '#!/bin/sh\necho "Failed to connect to bus" >&2\nexit 1\n';
  await writeFile(path.join(directory.path, 'systemctl'), script, { mode: 0o755 });
  const environment = { PATH: `${directory.path}:/usr/bin:/bin` };
  await assert.rejects(enableUnits([], { isUser: false, environment }), {
    code: 'process/failed',
    message:
      '"systemctl daemon-reload" has failed: it ended with status 1: Failed to connect to bus',
  });
});
