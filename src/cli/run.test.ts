import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { type CommandLineOptions, type Ran, runForTest } from '#test/cli/command-line.ts';

import { AppError } from '../base/errors.ts';
import { utf8 } from '../base/bytes.ts';
import { type CommandInput, defineCommand } from './command.ts';
import { commandTable } from './command-table.ts';
import { listFlag, switchFlag, valueFlag, wholeNumber } from './flag.ts';
import type { CommandSession } from './session.ts';

const probe = defineCommand({
  name: 'probe',
  summary: 'Try',
  positionals: {
    URL: { arity: 'one', kind: 'repository', help: 'Where' },
    WORD: { arity: 'any', kind: 'snapshot', help: 'What' },
  },
  flags: {
    count: valueFlag({ placeholder: 'N', parse: wholeNumber(1, 9), help: 'How many' }),
    target: valueFlag({ placeholder: 'DIR', help: 'Where to' }),
    part: listFlag({ placeholder: 'X', help: 'Parts' }),
    hard: switchFlag({ help: 'Hard' }),
  },
  needs: (flags) => (flags['hard'] === true ? [['target', 'Where to']] : []),
  examples: [['holdfast probe x', 'Try it']],
});

type Input = CommandInput<typeof probe>;

async function probed(
  argv: readonly string[],
  run: (input: Input, session: CommandSession) => Promise<number> | number,
  options: CommandLineOptions = {},
): Promise<Ran> {
  const bindings = {
    probe: async () => ({
      run: async (input: Input, session: CommandSession) => run(input, session),
    }),
  };
  return runForTest(argv, { ...options, commands: { definitions: [probe], bindings } });
}

/** The input that a command line gives. */
async function inputOf(argv: readonly string[], options: CommandLineOptions = {}): Promise<Input> {
  let seen: Input | undefined;
  const ran = await probed(
    argv,
    (input) => {
      seen = input;
      return 0;
    },
    options,
  );
  assert.equal(ran.stderr.text.replace(/^(?:.*: )*/u, ''), '');
  return seen!;
}

describe('runCommandLine()', () => {
  test('gives a command its flags with types, its arguments and what was given in order', async () => {
    const input = await inputOf([
      'probe',
      'u',
      '--part',
      '1',
      '--count=3',
      'w',
      '--part',
      '2',
      '-q',
    ]);
    assert.equal(input.flags.count, 3);
    assert.deepEqual(input.flags.part, ['1', '2']);
    assert.equal(input.flags.hard, false);
    assert.equal(input.flags.quiet, true);
    assert.deepEqual(input.arguments, { URL: 'u', WORD: ['w'] });
    assert.deepEqual(
      input.given.map(({ name }) => name),
      ['part', 'count', 'part', 'quiet'],
    );
  });

  test('takes flags from the environment, below those of the command line', async () => {
    const environment = {
      HOLDFAST_REPOSITORY: '/d',
      HOLDFAST_COUNT: '5',
      HOLDFAST_TARGET: 't',
      HOLDFAST_PART: 'a\nb',
      HOLDFAST_HARD: 'yes',
      HOLDFAST_NO_CACHE: '0',
    };
    const { flags, arguments: given } = await inputOf(['probe', '--count', '6', '--part', 'c'], {
      environment,
    });
    assert.deepEqual(
      [flags.count, flags.target, flags.part, flags.hard],
      [6, 't', ['a', 'b', 'c'], true],
    );
    assert.equal(flags['no-cache'], false);
    assert.equal(given.URL, '/d');
  });

  test('asks for what is missing on a terminal', async () => {
    const input = await inputOf(['probe', '--hard'], { typed: ['/asked', 'place'] });
    assert.equal(input.arguments.URL, '/asked');
    assert.equal(input.flags.target, 'place');
  });

  test('says what is missing without a terminal', async () => {
    const ran = await probed(['probe'], () => 0);
    assert.equal(ran.status, 2);
    assert.match(
      ran.stderr.text,
      /^holdfast: URL is missing for "probe"\nhint: .*HOLDFAST_REPOSITORY/u,
    );
    const target = await probed(['probe', 'u', '--hard'], () => 0);
    assert.match(target.stderr.text, /"--target" is missing/u);
  });

  test('refuses values that cannot be read, naming the flag', async () => {
    for (const argv of [
      ['--count', '0'],
      ['--count=x'],
      ['--hard=maybe'],
      ['--limit-upload', 'x'],
    ]) {
      const ran = await probed(['probe', 'u', ...argv], () => 0);
      assert.equal(ran.status, 2, argv.join(' '));
      assert.match(ran.stderr.text, new RegExp(`"${argv[0]!.split('=')[0]}"`, 'u'));
    }
  });

  test('turns an error into a sentence, a hint and its exit status', async () => {
    const fail = (): never => {
      throw new AppError('repository/locked', 'Cannot lock "x\u001b"', { hint: 'Wait' });
    };
    const text = await probed(['probe', 'u'], fail);
    assert.equal(text.status, 11);
    assert.equal(text.stderr.text, 'holdfast: Cannot lock "x\\x1b"\nhint: Wait\n');
    const json = await probed(['probe', 'u', '--json'], fail);
    assert.deepEqual(json.stderr.records, [
      {
        type: 'error',
        code: 'repository/locked',
        message: 'Cannot lock "x\u001b"',
        hint: 'Wait',
        details: {},
        exit: 11,
      },
    ]);
    assert.equal(json.stdout.text, '');
  });

  test('prints stacks only when asked', async () => {
    const fail = (): never => {
      throw new TypeError('Broken', { cause: new Error('Deep') });
    };
    const plain = await probed(['probe', 'u'], fail);
    assert.equal(plain.status, 1);
    assert.doesNotMatch(plain.stderr.text, /\n\s+at /u);
    const debug = await probed(['probe', 'u', '--debug'], fail);
    assert.match(debug.stderr.text, /\n\s+at [^]*caused by: Error: Deep/u);
  });

  test('ends with 130 when it was interrupted, whatever broke off', async () => {
    const controller = new AbortController();
    const ran = await probed(
      ['probe', 'u'],
      async (_input, { signal }) => {
        controller.abort(new AppError('interrupted', 'Interrupted', { hint: 'Run it again' }));
        await sleep(10_000, undefined, { signal });
        return 0;
      },
      { context: { signal: controller.signal } },
    );
    assert.equal(ran.status, 130);
    assert.equal(ran.stderr.text, 'holdfast: Interrupted\nhint: Run it again\n');
  });

  test('takes passphrases from flags, then the environment, then the terminal', async () => {
    const found = async (argv: readonly string[], options: CommandLineOptions): Promise<string> => {
      let text = '';
      const ran = await probed(
        ['probe', 'u', ...argv],
        async (_input, session) => {
          text = (await session.passphrase()).reveal();
          return 0;
        },
        options,
      );
      return ran.status === 0 ? text : ran.stderr.text;
    };
    const environment = { HOLDFAST_PASSPHRASE: 'env', HOLDFAST_PASSPHRASE_COMMAND: 'echo never' };
    assert.equal(
      await found(['--passphrase-command', 'printf "flag\\nrest"'], { environment }),
      'flag',
    );
    assert.equal(await found([], { environment }), 'env');
    assert.equal(
      await found([], { environment: { HOLDFAST_PASSPHRASE_COMMAND: 'echo run' } }),
      'run',
    );
    assert.equal(await found([], { typed: ['typed'] }), 'typed');
    assert.equal(await found(['--insecure-no-passphrase'], {}), '');
    assert.match(await found([], {}), /passphrase is missing.*no terminal/u);
    assert.match(
      await found([], { environment: { HOLDFAST_PASSPHRASE: '' } }),
      /is empty\nhint: /u,
    );
    assert.match(await found(['--passphrase-file', '/dev/null'], {}), /"\/dev\/null" is empty/u);
    assert.match(
      await found(['--passphrase-file', '/nowhere'], {}),
      /Cannot read the passphrase from "\/nowhere"/u,
    );
    assert.match(await found(['--passphrase-command', 'exit 3'], {}), /failed: exit status 3/u);
  });

  test('asks for a new passphrase twice, until both are the same and not empty', async () => {
    let text = '';
    const ran = await probed(
      ['probe', 'u'],
      async (_input, session) => {
        text = (await session.passphrase({ create: true })).reveal();
        return 0;
      },
      { typed: ['', 'one', 'two', 'thrée\u007f\u007fx', 'thrx'] },
    );
    assert.equal(ran.status, 0);
    assert.equal(text, 'thrx');
    assert.doesNotMatch(ran.stderr.text, /thr|two/u);
    assert.deepEqual(ran.stdin.rawWhileTyped, [true, true, true, true, true]);
    assert.equal(ran.stdin.raw, false);
  });

  test('asks before what cannot be undone', async () => {
    const confirmed = async (yes: boolean, typed?: string): Promise<number> => {
      const ran = await probed(
        ['probe', 'u'],
        async (_input, session) => ((await session.confirm('Delete 3 packs?', yes)) ? 0 : 7),
        typed === undefined ? {} : { typed: [typed] },
      );
      return ran.status;
    };
    assert.equal(await confirmed(true), 0);
    assert.equal(await confirmed(false, 'y'), 0);
    assert.equal(await confirmed(false, ''), 7);
    assert.equal(await confirmed(false), 2);
  });

  test('Ctrl-C at a question ends it with 130', async () => {
    const ran = await probed(['probe'], () => 0, { typed: ['\u0003'] });
    assert.equal(ran.status, 130);
  });

  test('renders results and events as text', async () => {
    const ran = await probed(['probe', 'u', '-v'], (_input, { output }) => {
      output.line('result');
      output.table(
        [{ title: 'ID' }, { title: 'Size', align: 'right' }],
        [
          ['a', '1'],
          ['日本', '22'],
        ],
      );
      output.object({ type: 'x' });
      output.note('note');
      output.report({ type: 'entry', action: 'new', path: utf8('/a\n'), size: 2048 });
      output.report({
        type: 'problem',
        severity: 'error',
        path: Uint8Array.of(0x2f, 0xff),
        error: new AppError('source/unreadable', 'Cannot read it'),
      });
      return 3;
    });
    assert.equal(ran.status, 3);
    assert.equal(
      ran.stdout.text,
      'result\nID    Size\na        1\n日本    22\nnew       /a\\n (2.0 KiB)\n',
    );
    assert.equal(ran.stderr.text, 'note\nholdfast: error: /\\xff: Cannot read it\n');
  });

  test('renders the same as JSON', async () => {
    const counters = {
      files: 1,
      bytes: 2,
      bytesRead: 2,
      bytesAdded: 1,
      filesNew: 1,
      filesChanged: 0,
      filesUnchanged: 0,
      errors: 0,
    };
    const ran = await probed(['probe', 'u', '--json'], (_input, { output }) => {
      output.line('result');
      output.object({ type: 'x', value: 1 });
      output.report({ type: 'phase', phase: 'reading' });
      output.report({ type: 'total', files: 10, bytes: 20, final: true });
      output.report({ type: 'progress', ...counters, current: Uint8Array.of(0xff) });
      output.report({ type: 'progress', ...counters });
      output.report({
        type: 'problem',
        severity: 'warning',
        path: Uint8Array.of(0xff),
        error: new AppError('source/changed', 'It changed'),
      });
      output.report({
        type: 'summary',
        operation: 'backup',
        snapshot: 'ab',
        dryRun: false,
        milliseconds: 5,
        ...counters,
        details: { packs: 3 },
      });
      return 0;
    });
    assert.deepEqual(ran.stdout.records, [
      { type: 'x', value: 1 },
      { type: 'phase', phase: 'reading' },
      {
        type: 'progress',
        ...counters,
        totalFiles: 10,
        totalBytes: 20,
        totalFinal: true,
        path: '\ufffd',
        path_b64: '/w==',
      },
      {
        type: 'problem',
        severity: 'warning',
        path: '\ufffd',
        path_b64: '/w==',
        code: 'source/changed',
        message: 'It changed',
      },
      {
        type: 'summary',
        operation: 'backup',
        snapshot: 'ab',
        ...counters,
        dryRun: false,
        milliseconds: 5,
        packs: 3,
      },
    ]);
  });

  test('prints version and help', async () => {
    assert.equal((await runForTest(['--version'])).stdout.text, 'holdfast 1.2.3\n');
    assert.match((await runForTest(['--help'])).stdout.text, /rebuild-index/u);
    assert.equal((await runForTest([])).status, 2);
    assert.match((await runForTest(['key', '--help'])).stdout.text, /key export/u);
  });

  for (const { name, examples } of commandTable) {
    test(`"${name} --help" has examples, and their flags exist`, async () => {
      const ran = await runForTest([...name.split(' '), '--help']);
      assert.equal(ran.status, 0);
      assert.ok(examples.length > 0);
      for (const [line] of examples) assert.ok(ran.stdout.text.includes(line));
      assert.ok(
        ran.stdout.text
          .split('\n')
          .every((text) => text.length <= 80 || examples.some(([line]) => text.includes(line))),
      );
    });
  }
});
