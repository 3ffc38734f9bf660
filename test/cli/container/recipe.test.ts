import assert from 'node:assert/strict';
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { it } from 'node:test';

import { containerPlace, holdfastLauncher } from './container-environment.ts';

it('the recipe of the job container works step by step, with a local destination', async () => {
  await using place = await containerPlace();
  // The data, with something that is not wanted, and what the container keeps.
  const data = place.of('var/data');
  await mkdir(path.join(data, 'books/deep'), { recursive: true });
  await mkdir(path.join(data, 'runtime'));
  for (const name of ['tmp', 'archive', 'target']) await mkdir(place.of(name));
  const content = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * index) % 251));
  await writeFile(path.join(data, 'books/deep/one.pdf'), content);
  await writeFile(path.join(data, 'books/two.txt'), 'two\n');
  await writeFile(path.join(data, 'runtime/live.db'), 'must not be copied while it lives');
  const environment = {
    SRC: `${data}/`,
    DST: `file://${place.of('target')}`,
    TMPDIR: place.of('tmp'),
    PASSPHRASE: 'correct horse battery',
    OPTIONS: `--allow-source-mismatch --exclude ${data}/runtime --archive-dir=${place.of('archive')}`,
  };
  // The test backup: the directory of the link says which jobs.
  const periodic = place.of('etc/periodic/daily');
  await mkdir(periodic, { recursive: true });
  await symlink(holdfastLauncher, path.join(periodic, 'jobrunner'));
  const first = await place.run([path.join(periodic, 'jobrunner')], environment);
  assert.equal(first.status, 0, first.stderr);
  assert.match(
    first.stdout,
    /-\[ Backup Statistics \]-.*NewFiles 5\n.*TotalDestinationSizeChange \d+.*\n-{49}\n/su,
  );
  assert.match(first.stdout, /300: backup .* succeeded\n$/u);
  // A second one is incremental.
  await writeFile(path.join(data, 'books/two.txt'), 'two, changed\n');
  const second = await place.run([path.join(periodic, 'jobrunner')], environment);
  assert.equal(second.status, 0, second.stderr);
  assert.match(second.stdout, /ChangedFiles 1\n/u);
  // Listing, with `$DST` as it is.
  const listed = await place.run(['image', 'duplicity', 'list-current-files', '$DST'], environment);
  assert.equal(listed.status, 0, listed.stderr);
  assert.match(listed.stdout, / books\/deep\/one\.pdf\n/u);
  assert.ok(!listed.stdout.includes('runtime'));
  // A single file comes back identical.
  const target = place.of('tmp/one.pdf');
  const restored = await place.run(
    ['image', 'duplicity', 'restore', '--file-to-restore', 'books/deep/one.pdf', '${DST}', target],
    environment,
  );
  assert.equal(restored.status, 0, restored.stderr);
  assert.ok(content.equals(await readFile(target)));
  // Everything, over what is there: not without --force.
  await cp(data, place.of('saved'), { recursive: true });
  await writeFile(path.join(data, 'books/two.txt'), 'spoilt');
  const refused = await place.run(['image', 'restore'], environment);
  assert.notEqual(refused.status, 0);
  assert.equal(await readFile(path.join(data, 'books/two.txt'), 'utf8'), 'spoilt');
  const forced = await place.run(['image', 'restore', '--force'], environment);
  assert.equal(forced.status, 0, forced.stderr);
  assert.equal(await readFile(path.join(data, 'books/two.txt'), 'utf8'), 'two, changed\n');
  // What is secret was shown nowhere.
  for (const { stdout, stderr } of [first, second, listed, restored, refused, forced])
    assert.ok(!`${stdout}${stderr}`.includes('battery'));
});
