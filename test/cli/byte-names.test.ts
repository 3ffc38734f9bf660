import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';

import { temporaryDirectory } from '#test/support/temporary-directory.ts';

const program = path.join(import.meta.dirname, '../../bin/holdfast');
const execute = promisify(execFile);

/** A machine on which a shell runs scripts: only so words that are not UTF-8 can be handed over. */
async function shell() {
  const directory = await temporaryDirectory();
  const home = path.join(directory.path, 'home');
  await mkdir(home);
  const { HOME: _home, ...inherited } = process.env;
  const env = { ...inherited, HOME: home, HOLDFAST_PASSPHRASE: 'long enough' };
  return {
    path: directory.path,
    async run(script: string): Promise<string> {
      const text = script.replaceAll('holdfast', `'${program}'`);
      const options = { cwd: directory.path, env, encoding: 'latin1' } as const;
      return (await execute('bash', ['-ec', text], options)).stdout;
    },
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

const skip = process.platform === 'linux' ? false : 'only Linux tells the bytes of a command line';

describe('names that are not UTF-8, on the command line', { skip }, () => {
  test('sources, targets, paths and patterns', async () => {
    await using machine = await shell();
    const { run } = machine;
    await run(
      String.raw`mkdir -p $'n\xff/sub'; echo hi >$'n\xff/sub/bad\xff\nname'; echo no >$'n\xff/ex\xfe'`,
    );
    await run(String.raw`holdfast backup --quiet $'n\xff' r --exclude $'ex\xfe'`);
    assert.equal(await run('holdfast ls r latest'), 'sub/\nsub/bad\\xff\\nname\n');
    assert.equal(await run(String.raw`holdfast cat r $'latest:sub/bad\xff\nname'`), 'hi\n');
    await run(
      String.raw`holdfast restore --quiet r $'latest:sub/bad\xff\nname' --target $'out\xfe'`,
    );
    const target = Buffer.concat([Buffer.from(`${machine.path}/out`), Buffer.of(0xfe)]);
    assert.deepEqual(
      (await readdir(target, { encoding: 'buffer' })).map((name) => name.toString('latin1')),
      ['bad\xff\nname'],
    );
    // From where one stands.
    await run(String.raw`cd $'n\xff'; holdfast backup --quiet . ../r; cd ..; rm -r r`);
  });

  test('the form that a listing shows', async () => {
    await using machine = await shell();
    const { run, path: place } = machine;
    await run(
      String.raw`mkdir s; echo 1 >$'s/a\xff'; printf 'two' >$'s/b\\xff'; echo 3 >$'s/c\\n'; echo 4 >$'s/c\n'`,
    );
    await run('holdfast backup --quiet s r');
    const shown = (await run('holdfast ls r latest')).trimEnd().split('\n');
    assert.deepEqual(shown, ['a\\xff', 'b\\\\xff', 'c\\n', 'c\\\\n']);
    const contents = [];
    for (const name of shown) contents.push((await run(`holdfast cat r 'latest:${name}'`)).trim());
    assert.deepEqual(contents, ['1', 'two', '4', '3']);
    // A name that is not there in the shown form is taken as it stands.
    assert.equal(await run(String.raw`holdfast cat r 'latest:b\xff'`), 'two');
    await run(String.raw`holdfast restore --quiet r 'latest:b\xff' --target out`);
    assert.equal(await readFile(`${place}/out/b\\xff`, 'utf8'), 'two');
    await run(String.raw`holdfast restore --quiet r 'latest:a\xff' --target raw`);
    assert.equal(await run(String.raw`cat $'raw/a\xff'`), '1\n');
  });

  test('in the words of duplicity', async () => {
    await using machine = await shell();
    const { run, path: place } = machine;
    await run(String.raw`mkdir $'n\xff'; echo hi >$'n\xff/bad\xff'; echo no >$'n\xff/ex\xfe'`);
    const url = `file://${place}/archive`;
    await run(
      String.raw`holdfast duplicity full --no-encryption --exclude $'n\xff/ex\xfe' $'n\xff' '${url}'`,
    );
    await run(
      String.raw`holdfast duplicity restore --no-encryption --path-to-restore $'bad\xff' '${url}' $'out\xfe'`,
    );
    assert.equal(await run(String.raw`cat $'out\xfe'`), 'hi\n');
    await run(String.raw`holdfast restore --quiet '${url}' 'latest:bad\xff' --target back`);
    const listed = await run(`holdfast duplicity list-current-files --no-encryption '${url}'`);
    assert.match(listed, /bad\xff$/mu);
    assert.doesNotMatch(listed, /ex/u);
  });

  test('what a snapshot is called is refused, and nobody looks for it', async () => {
    await using machine = await shell();
    await machine.run('mkdir s; holdfast backup --quiet s r');
    for (const words of ['backup s r', 'snapshots r', 'forget r'])
      for (const flag of ['tag', 'host'])
        await assert.rejects(machine.run(`holdfast ${words} --${flag} $'x\\xff'`), {
          code: 2,
          stderr: new RegExp(`Cannot read "--${flag}": it is not UTF-8`, 'u'),
        });
    await assert.rejects(machine.run(String.raw`holdfast backup s r --job $'x\xff'`), { code: 2 });
    // The sign that stands for such bytes is a sign like others.
    await machine.run(String.raw`holdfast backup --quiet s r --tag $'x\xef\xbf\xbd'`);
    const found = await machine.run(String.raw`holdfast snapshots r --tag $'x\xef\xbf\xbd'`);
    assert.match(found, /x\xef\xbf\xbd/u);
  });

  test('a destination is refused', async () => {
    await using machine = await shell();
    await writeFile(path.join(machine.path, 'file'), '');
    await assert.rejects(machine.run(String.raw`holdfast backup file $'r\xff'`), {
      code: 2,
      stderr: /The destination holds bytes that are not UTF-8/u,
    });
    assert.deepEqual(await readdir(machine.path), ['file', 'home']);
  });
});
