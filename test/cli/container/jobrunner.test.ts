import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { after, before, describe, it } from 'node:test';

import { type EximServer, startExim } from '#test/servers/exim.ts';
import { containerPlace } from './container-environment.ts';

let exim: EximServer;
before(async () => {
  exim = await startExim();
});
after(() => exim[Symbol.asyncDispose]());

const mailTo = (address: string): Readonly<Record<string, string>> => ({
  SMTP_HOST: '127.0.0.1',
  SMTP_PORT: String(exim.port),
  EMAIL_FROM: 'backup@open.test',
  EMAIL_TO: address,
});

const jobs = {
  JOB_1000_WHAT: 'echo last',
  JOB_1000_WHEN: 'daily',
  JOB_20_WHAT: 'echo "of 20"; echo problem >&2; exit 4',
  JOB_20_WHEN: 'daily weekly',
  JOB_3_WHAT: 'echo "user is $OWNER"; sleep 0.01',
  JOB_3_WHEN: 'daily',
  OWNER: 'somebody',
};

/** Header lines and the decoded text of a mail. */
function taken(mail: string): { readonly headers: string; readonly text: string } {
  const [headers = '', ...rest] = mail.replaceAll('\r\n', '\n').split('\n\n');
  const body = rest.join('\n\n');
  if (/^content-transfer-encoding: quoted-printable/imu.test(headers)) {
    const joined = body.replaceAll('=\n', '');
    return {
      headers,
      text: joined.replaceAll(/=([0-9A-F]{2})/gu, (_, hex: string) =>
        String.fromCodePoint(Number.parseInt(hex, 16)),
      ),
    };
  }
  if (/^content-transfer-encoding: base64/imu.test(headers))
    return { headers, text: Buffer.from(body, 'base64').toString('utf8') };
  return { headers, text: body };
}

describe('the job runner', () => {
  it('runs the jobs of a periodicity in the order of their numbers, and mails what came of them', async () => {
    await exim.clear();
    await using place = await containerPlace();
    const ran = await place.run(['jobrunner', 'daily'], { ...jobs, ...mailTo('admin@open.test') });
    assert.equal(ran.status, 1, ran.stderr);
    assert.match(
      ran.stdout,
      /^Running job 3: .*\nuser is somebody\nRunning job 20: .*\nof 20\nproblem\nRunning job 1000: .*\nlast\nAt least one job failed\n/u,
    );
    const [mail, ...more] = await exim.waitForMails(1);
    assert.equal(more.length, 0);
    const { headers, text } = taken(mail!);
    const subject = /^Subject: (.*(?:\n .*)*)/mu.exec(headers)?.[1]?.replaceAll(/\n /gu, ' ');
    assert.match(
      subject ?? '',
      new RegExp(`^Backup report: ${hostname()}\\S* - daily - ERROR$`, 'u'),
    );
    assert.match(headers, /^From: backup@open\.test$/mu);
    assert.match(headers, /^To: admin@open\.test$/mu);
    assert.match(headers, /^Date: /mu);
    assert.match(headers, /^Content-Type: text\/plain; charset=utf-8/imu);
    // For each job a rule, its number and command, when, how, and all it printed.
    const parts = text.split(/^-{20,}$/mu).slice(1);
    assert.equal(parts.length, 3);
    const wanted = [
      ['3: echo "user is somebody"', 'yes', 'user is somebody\n'],
      ['20: echo "of 20"', 'no', 'of 20\nproblem\n'],
      ['1000: echo last', 'yes', 'last\n'],
    ] as const;
    for (const [index, [title, success, output]] of wanted.entries()) {
      const part = parts[index]!;
      assert.ok(part.startsWith(`\n${title}`), part);
      assert.match(part, /^ +Started: +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/mu);
      assert.match(part, /^ +Finished: +\d{4}-/mu);
      assert.match(part, new RegExp(`^ +Success: +${success}$`, 'mu'));
      assert.ok(part.includes(output), part);
    }
  });

  it('mails only failures if that is asked for', async () => {
    await exim.clear();
    await using place = await containerPlace();
    const environment = { ...jobs, ...mailTo('only@open.test'), SMTP_REPORT_SUCCESS: '0' };
    const good = await place.run(['jobrunner', '--job', '1000'], environment);
    assert.equal(good.status, 0, good.stderr);
    assert.equal((await place.run(['jobrunner', '--job', '20'], environment)).status, 1);
    const mails = await exim.waitForMails(1);
    assert.equal(mails.length, 1);
    assert.match(mails[0]!, /- ERROR/u);
  });

  it('logs in, encrypted, with a password from a file', async () => {
    await exim.clear();
    await using place = await containerPlace();
    await writeFile(place.of('password'), `${exim.password}\n`);
    const ran = await place.run(['jobrunner', '--job', '1000'], {
      ...jobs,
      ...mailTo('one@closed.test, two@closed.test'),
      SMTP_PORT: String(exim.smtpsPort),
      SMTP_TLS: 'TRUE',
      SMTP_USER: exim.user,
      SMTP_PASS_FILE: place.of('password'),
      SMTP_CA_FILE: exim.certificate,
    });
    assert.equal(ran.status, 0, ran.stderr);
    const mails = await exim.waitForMails(2);
    const envelopes = mails.map((mail) => /^Envelope-to: (.*)$/mu.exec(mail)?.[1]);
    assert.deepEqual(new Set(envelopes), new Set(['one@closed.test', 'two@closed.test']));
    for (const mail of mails) assert.match(mail, /- OK$/mu);
  });

  it('is none the worse for a mail that cannot be sent', async () => {
    await using place = await containerPlace();
    const environment = { ...jobs, ...mailTo('reject@open.test') };
    const ran = await place.run(['jobrunner', '--job', '1000'], environment);
    assert.equal(ran.status, 0, ran.stderr);
    const unreachable = await place.run(['jobrunner', '--job', '1000'], {
      ...environment,
      SMTP_PORT: '1',
    });
    assert.equal(unreachable.status, 0, unreachable.stderr);
  });

  it('pings for each job by itself, and notes it when nobody answers', async () => {
    const requests: string[] = [];
    const server = createServer((request, response) => {
      requests.push(
        request.url!.replace(/rid=[0-9a-f-]+/u, 'rid=ID').replace(/ping=\d+/u, 'ping=N'),
      );
      response.end();
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      await using place = await containerPlace();
      const ran = await place.run(['jobrunner', 'daily'], {
        ...jobs,
        JOB_20_HEALTHCHECKS_URL: `${url}/never`,
        JOB_20_DAILY_HEALTHCHECKS_URL: `${url}/twenty`,
        JOB_1000_UPTIME_KUMA_URL: `${url}/push?x=y`,
        JOB_1000_HEALTHCHECKS_URL: 'http://127.0.0.1:1/x',
      });
      assert.equal(ran.status, 1);
      assert.deepEqual(requests, [
        '/twenty/start?rid=ID',
        '/twenty/fail?rid=ID',
        '/push?status=up&msg=OK&ping=N',
      ]);
      assert.match(ran.stdout, /^Cannot ping Healthchecks at 127\.0\.0\.1:1: /mu);
    } finally {
      server.close();
    }
  });

  it('says what would be done, and what there is', async () => {
    await using place = await containerPlace();
    const dry = await place.run(['jobrunner', 'daily', '--dry-run', '--job', '3'], jobs);
    assert.equal(dry.stdout, 'Would run job 3: echo "user is somebody"; sleep 0.01\n');
    const list = await place.run(['jobrunner', '--list', '--json'], jobs);
    const records = list.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      records.map(({ periodicity, job, schedule }) => `${periodicity} ${job} ${schedule}`),
      [
        'daily 3 0 2 * * MON-SAT',
        'daily 20 0 2 * * MON-SAT',
        'daily 1000 0 2 * * MON-SAT',
        'weekly 20 0 1 * * SUN',
      ],
    );
  });

  it('has nothing to do, is skipped, or does not understand', async () => {
    await using place = await containerPlace();
    const table = [
      [['jobrunner', 'monthly'], jobs, 0, /^Nothing to do\n/u],
      [['jobrunner', '--periodicity', 'whatever'], jobs, 0, /^Nothing to do\n/u],
      [
        ['jobrunner', 'daily'],
        { JOB_1_WHAT: 'exit 75', JOB_1_WHEN: 'daily' },
        75,
        /nothing to do/u,
      ],
      [
        ['jobrunner', 'dayli'],
        jobs,
        2,
        /No job has the periodicity "dayli"\nhint: Did you mean "daily"\?/u,
      ],
      [['jobrunner'], jobs, 2, /needs to be told which periodicity/u],
      [['jobrunner', '--job', '2000'], jobs, 2, /There is no job 2000/u],
      [['jobrunner', 'daily'], { ...jobs, CRONTAB_DAILY: '* * * *' }, 2, /CRONTAB_DAILY: /u],
    ] as const;
    for (const [argv, environment, status, text] of table) {
      const ran = await place.run(argv, environment);
      assert.equal(ran.status, status, `${argv.join(' ')}: ${ran.stdout}${ran.stderr}`);
      assert.match(ran.stdout + ran.stderr, text);
    }
  });
});
