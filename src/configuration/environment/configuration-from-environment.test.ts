import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { Configuration } from '../../model/configuration.ts';
import { checkSchedules } from '../periodicities.ts';
import { configurationFromEnvironment } from './configuration-from-environment.ts';

/** What counts in a configuration, briefly: `name schedule | what`. */
function brief({ jobs }: Configuration): readonly string[] {
  return jobs.map((job) => {
    const schedule = JSON.stringify(job.schedule ?? null);
    if (job.kind === 'task') return `${job.name} ${schedule} | ${Object.keys(job.steps).join(' ')}`;
    if (job.kind !== 'commands') throw new Error('No backup comes from an environment');
    const commands = job.commands.map(({ name, command }) => `${name}=${command}`);
    return `${job.name} ${schedule} | ${commands.join('; ')}`;
  });
}

interface Row {
  readonly what: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly jobs?: readonly string[];
  readonly warnings?: readonly (string | RegExp)[];
  readonly error?: RegExp;
  readonly check?: (configuration: Configuration) => void;
}

const daily = '"0 2 * * MON-SAT"';
const dup = { DST: 'file:///b' };

const table: readonly Row[] = [
  {
    what: 'nothing',
    environment: { PATH: '/bin', HOME: '/root', JOB_NAME: 'x', TASKFILE: 'y' },
    jobs: [],
  },
  {
    what: 'a task with all steps',
    environment: {
      TASK_db_CRONTAB: '5 4 * * *',
      TASK_db_PREPARE: 'p',
      TASK_db_EXTRACT: 'e',
      TASK_db_TRANSFORM: 't',
      TASK_db_LOAD: 'l',
      TASK_db_SUCCEED: 's',
      TASK_db_FAILED: 'f',
      TASK_db_FINALLY: 'y',
    },
    jobs: ['db "5 4 * * *" | prepare extract transform load succeed failed finally'],
  },
  {
    what: 'tasks of the built-in periodicities, in the order of their ids, one after the other',
    environment: {
      TASK_d_PERIODICITY: 'monthly',
      TASK_d_LOAD: 'l',
      TASK_c_PERIODICITY: 'weekly',
      TASK_c_LOAD: 'l',
      TASK_b_PERIODICITY: 'daily',
      TASK_b_LOAD: 'l',
      TASK_a_PERIODICITY: 'hourly',
      TASK_a_LOAD: 'l',
    },
    jobs: [
      'a "0 * * * *" | load',
      'b "10 1 * * *" | load',
      'c "20 2 * * 0" | load',
      'd "30 3 1 * *" | load',
    ],
    check: ({ jobs }) => assert.equal(jobs[1]?.queue, 'tasks-daily'),
  },
  {
    what: 'a task with everything that starts it at once',
    environment: {
      TASK_x_CRONTAB: '"*/1 * * * *"',
      TASK_x_PERIODICITY: 'daily',
      TASK_x_RESTORE: '10',
      TASK_x_LOAD: 'l',
    },
    jobs: ['x ["*/1 * * * *","10 1 * * *"] | load'],
    check: ({ jobs: [job] }) => assert.equal(job?.kind === 'task' && job.restore, '10'),
  },
  {
    what: 'CRONTAB_DAILY, which changes what daily means for tasks as well',
    environment: {
      CRONTAB_DAILY: '0 4 * * *',
      TASK_x_PERIODICITY: 'daily',
      TASK_x_LOAD: 'l',
      JOB_1_WHAT: 'w',
      JOB_1_WHEN: 'daily',
    },
    jobs: ['x "0 4 * * *" | load', 'daily "0 4 * * *" | 1=w'],
    check: ({ periodicities }) => assert.deepEqual(periodicities, {}),
  },
  {
    what: 'a periodicity of its own, in any case, with quotes',
    environment: {
      CRONTAB_NIGHTLY: "'30 3 * * *'",
      TASK_x_PERIODICITY: 'Nightly',
      TASK_x_LOAD: 'l',
    },
    jobs: ['x "30 3 * * *" | load'],
    check: ({ periodicities }) => assert.deepEqual(periodicities, { nightly: '30 3 * * *' }),
  },
  {
    what: 'a periodicity that was switched off',
    environment: { CRONTAB_DAILY: '', JOB_1_WHAT: 'w', JOB_1_WHEN: 'daily' },
    jobs: ['daily "manual" | 1=w'],
  },
  {
    what: 'an id with underscores, a shell, a limit, and a place to work',
    environment: {
      TASK_my_db_LOAD: 'l',
      TASK_my_db_CRONTAB: 'never',
      TASK_my_db_SHELL: 'plain',
      TASK_my_db_TIMEOUT: '5m',
      CONF_WORK_DIR: '/w',
    },
    jobs: ['my_db null | load'],
    check: ({ jobs: [job] }) => {
      assert.ok(job?.kind === 'task');
      assert.deepEqual([job.shell, job.stepTimeout, job.workDirectory], ['plain', '5m', '/w']);
    },
  },
  {
    what: 'a step with quotes left over around all of it',
    environment: {
      TASK_x_CRONTAB: 'manual',
      TASK_x_LOAD: '"mkdir -p /mnt/backup"',
      TASK_x_PREPARE: '"prepare"',
    },
    jobs: ['x null | prepare load'],
    warnings: ['The quotes around all of "TASK_x_LOAD" are left out'],
    check: ({ jobs: [job] }) =>
      assert.deepEqual(job?.kind === 'task' && job.steps, {
        prepare: '"prepare"',
        load: 'mkdir -p /mnt/backup',
      }),
  },
  {
    what: 'a misspelt field of a task',
    environment: { TASK_x_CRONTAB: '@daily', TASK_x_LAOD: 'l', TASK_x_EXTRACT: 'e' },
    jobs: ['x "@daily" | extract'],
    warnings: [
      'There is no variable "TASK_x_LAOD" of tasks; did you mean "TASK_x_LOAD"?',
      'The task "x" has no "TASK_x_LOAD": nothing is stored by it',
    ],
  },
  {
    what: 'a task that never runs by itself',
    environment: { TASK_x_LOAD: 'l' },
    jobs: ['x null | load'],
    warnings: ['The task "x" runs only by hand: it has none of CRONTAB, PERIODICITY and RESTORE'],
  },
  {
    what: 'a task without any step',
    environment: { TASK_x_CRONTAB: '@daily' },
    error: /^The task "x" has no step: it would do nothing$/u,
  },
  {
    what: 'a schedule of four fields',
    environment: { TASK_x_CRONTAB: '* * * *', TASK_x_LOAD: 'l' },
    error: /^TASK_x_CRONTAB: .*"\* \* \* \*"/u,
  },
  { what: 'a broken CRONTAB_…', environment: { CRONTAB_X: '99 * * * *' }, error: /^CRONTAB_X: /u },
  {
    what: 'an unknown periodicity of a task',
    environment: { TASK_x_PERIODICITY: 'dialy', TASK_x_LOAD: 'l' },
    error: /^TASK_x_PERIODICITY: there is no periodicity "dialy"; did you mean "daily"\?$/u,
  },
  {
    what: 'what a restore is called',
    environment: { TASK_x_RESTORE: '../../etc', TASK_x_LOAD: 'l' },
    error: /^TASK_x_RESTORE: "\.\.\/\.\.\/etc" cannot begin/u,
  },
  {
    what: 'jobs by periodicity, in ascending numeric order',
    environment: {
      JOB_1000_WHAT: 'last',
      JOB_1000_WHEN: 'daily weekly',
      JOB_200_WHAT: 'first',
      JOB_200_WHEN: 'weekly',
      JOB_9_WHAT: 'none',
      JOB_9_WHEN: 'never',
    },
    jobs: [`daily ${daily} | 1000=last`, 'weekly "0 1 * * SUN" | 200=first; 1000=last'],
  },
  {
    what: 'the job that is there without being told',
    environment: dup,
    jobs: [`daily ${daily} | 300=backup`],
    check: ({ jobs: [job] }) => assert.deepEqual(job?.environment, { SRC: '/mnt/backup/src' }),
  },
  {
    what: 'the built-in job among others, at another time',
    environment: { ...dup, JOB_300_WHEN: 'hourly daily', JOB_100_WHAT: 'w', JOB_100_WHEN: 'daily' },
    jobs: [`daily ${daily} | 100=w; 300=backup`, 'hourly "0 * * * *" | 300=backup'],
  },
  {
    what: 'the built-in job switched off',
    environment: { ...dup, JOB_300_WHEN: 'never' },
    jobs: [],
  },
  {
    what: 'databases that are dumped before',
    environment: { ...dup, PGHOST: 'db' },
    jobs: [
      `daily ${daily} | 200=holdfast image dump; 300=backup`,
      'weekly "0 1 * * SUN" | 200=holdfast image dump',
    ],
  },
  {
    what: 'an own job of the number 200',
    environment: { ...dup, JOB_200_WHAT: 'w', JOB_200_WHEN: 'daily' },
    jobs: [`daily ${daily} | 200=w; 300=backup`],
  },
  {
    what: 'tasks that use DST for themselves',
    environment: { ...dup, TASK_x_CRONTAB: '@daily', TASK_x_LOAD: 'l' },
    jobs: ['x "@daily" | load'],
  },
  {
    what: 'SRC alone',
    environment: { SRC: '/data' },
    jobs: [],
    warnings: ['"SRC" is set, but "DST" is not, so nothing is backed up'],
  },
  {
    what: 'unknown names in the family of jobs',
    environment: {
      JOB_300_WHAT: 'w',
      JOB_300_WHATT: 'w',
      JOB_300_WHEN: 'dayly',
      JOB_300_WEEKYL_HEALTHCHECKS_URL: 'http://x',
      JOB_x_WHAT: 'w',
      CRONTABX: '* * * * *',
    },
    jobs: ['dayly "manual" | 300=w'],
    warnings: [
      'There is no "CRONTAB_DAYLY" for the periodicity "dayly" of job 300, so it runs only by hand; did you mean "daily"?',
      'There is no variable "JOB_300_WHATT" of jobs; did you mean "JOB_300_WHAT"?',
      '"JOB_300_WEEKYL_HEALTHCHECKS_URL" has no effect: there is no periodicity "weekyl"; did you mean "WEEKLY"?',
      'There is no variable "JOB_x_WHAT" of jobs: the number of the job is missing',
      'There is no variable "CRONTABX"; did you mean "CRONTAB_X"?',
    ],
  },
  {
    what: 'a job without its time, and a time without its job',
    environment: { JOB_1_WHAT: 'w' },
    jobs: [],
    warnings: ['"JOB_1_WHAT" has no "JOB_1_WHEN": it never runs'],
  },
  {
    what: 'a time without its job',
    environment: { JOB_1_WHEN: 'daily' },
    error: /^"JOB_1_WHEN" is set, but "JOB_1_WHAT" is not$/u,
  },
  {
    what: 'one number twice',
    environment: { JOB_1_WHAT: 'w', JOB_01_WHAT: 'v' },
    error: /are the same job$/u,
  },
  {
    what: 'pings, of one periodicity before those of all',
    environment: {
      JOB_1_WHAT: 'w',
      JOB_1_WHEN: 'daily weekly',
      JOB_1_HEALTHCHECKS_URL: 'http://h/all',
      JOB_1_WEEKLY_HEALTHCHECKS_URL: 'http://h/weekly',
      JOB_1_UPTIME_KUMA_URL_FILE: '/run/kuma',
    },
    files: { '/run/kuma': 'http://k/push/token\n' },
    jobs: [`daily ${daily} | 1=w`, 'weekly "0 1 * * SUN" | 1=w'],
    check: ({ jobs }) => {
      const addresses = jobs.map((job) => {
        assert.ok(job.kind === 'commands');
        return [job.commands[0]?.healthchecksUrl, job.commands[0]?.uptimeKumaUrl];
      });
      assert.deepEqual(addresses, [
        [{ environment: 'JOB_1_HEALTHCHECKS_URL' }, { file: '/run/kuma' }],
        [{ environment: 'JOB_1_WEEKLY_HEALTHCHECKS_URL' }, { file: '/run/kuma' }],
      ]);
    },
  },
  {
    what: 'mail with a user, whose password is in a file',
    environment: {
      ...dup,
      SMTP_HOST: 'mail',
      SMTP_USER: 'u',
      FILE__SMTP_PASS: '/run/pass',
      EMAIL_FROM: 'a@b.c',
      EMAIL_TO: 'd@e.f, g@h.i',
      SMTP_TLS: 'True',
      SMTP_PORT: '465',
      SMTP_REPORT_SUCCESS: '0',
    },
    files: { '/run/pass': 'geheim\n' },
    jobs: [`daily ${daily} | 300=backup`],
    check: ({ channels, jobs }) => {
      assert.deepEqual(channels, {
        smtp: {
          type: 'mail',
          host: 'mail',
          port: 465,
          from: 'a@b.c',
          to: ['d@e.f', 'g@h.i'],
          subject: 'Backup report: {hostname} - {periodicity} - {result}',
          encryption: 'tls',
          format: 'text',
          output: 'always',
          user: 'u',
          password: { file: '/run/pass' },
        },
      });
      assert.deepEqual(jobs[0]?.notify, [{ channel: 'smtp', on: ['failed', 'missed'] }]);
    },
  },
  {
    what: 'mail by the defaults',
    environment: { ...dup, EMAIL_FROM: 'a@b.c', EMAIL_TO: 'd@e.f' },
    jobs: [`daily ${daily} | 300=backup`],
    check: ({ channels: { smtp }, jobs }) => {
      assert.ok(smtp?.type === 'mail');
      assert.deepEqual([smtp.host, smtp.port, smtp.encryption], ['smtp', 25, 'opportunistic']);
      assert.deepEqual(jobs[0]?.notify?.[0]?.on, ['succeeded', 'warned', 'failed', 'missed']);
    },
  },
  {
    what: 'no mail where something is empty',
    environment: { ...dup, EMAIL_FROM: 'a@b.c', EMAIL_TO: 'd@e.f', EMAIL_SUBJECT: '' },
    jobs: [`daily ${daily} | 300=backup`],
    check: ({ channels }) => assert.deepEqual(channels, {}),
  },
  {
    what: 'mail that lacks somebody to get it',
    environment: { EMAIL_FROM: 'a@b.c', SMTP_HOSTT: 'x' },
    jobs: [],
    warnings: [
      'There is no variable "SMTP_HOSTT" of mail; did you mean "SMTP_HOST"?',
      'No mail is sent, because "EMAIL_TO" is not set',
    ],
  },
  {
    what: 'a port that is none',
    environment: { EMAIL_FROM: 'a@b.c', EMAIL_TO: 'd@e.f', SMTP_PORT: 'smtp' },
    error: /^SMTP_PORT: /u,
  },
  {
    what: 'several destinations',
    environment: {
      DST: 'multi',
      DST_1: 'file:///a',
      DST_2: 'file:///b',
      DST_2_PASSPHRASE: 'x',
      DST_3_X: 'y',
    },
    jobs: [`daily ${daily} | 300=backup`],
    warnings: ['"DST_3_X" has no effect: there is no destination of that number'],
  },
  {
    what: 'several destinations with a gap',
    environment: { DST: 'multi', DST_1: 'file:///a', DST_3: 'file:///b' },
    error: /^"DST_3" is set, but "DST_2" is not: the numbers must have no gap$/u,
  },
  {
    what: 'destinations that nobody asked for',
    environment: { ...dup, DST_1: 'file:///a' },
    jobs: [`daily ${daily} | 300=backup`],
    warnings: ['"DST_1" has no effect: "DST" is not "multi"'],
  },
  {
    what: 'the passphrase that everybody knows',
    environment: { ...dup, PASSPHRASE: 'passphrase' },
    error: /^"PASSPHRASE" is "passphrase", the default of an image/u,
  },
  {
    what: 'that passphrase where nothing is encrypted',
    environment: { ...dup, PASSPHRASE: 'passphrase', OPTIONS: '--no-encryption' },
    jobs: [`daily ${daily} | 300=backup`],
  },
  {
    what: 'a time zone that there is not',
    environment: { TZ: 'Europe/Berlni' },
    jobs: [],
    warnings: [
      /^TZ: There is no time zone "Europe\/Berlni"; the time zone of the machine is used/u,
    ],
  },
  {
    what: 'a time zone',
    environment: { TZ: ':Europe/Berlin' },
    jobs: [],
    check: ({ settings }) => assert.equal(settings.timeZone, 'Europe/Berlin'),
  },
  {
    what: 'secrets in files, which jobs read themselves',
    environment: {
      TASK_x_CRONTAB: '@daily',
      TASK_x_LOAD: 'l',
      MYSQL_PASSWORD_FILE: '/run/p',
      FILE__OTHER: '/run/o',
    },
    files: { '/run/p': 'geheim\n', '/run/o': 'o' },
    jobs: ['x "@daily" | load'],
    check: (configuration) => {
      assert.deepEqual(configuration.jobs[0]?.environment, {
        OTHER: { file: '/run/o' },
        MYSQL_PASSWORD: { file: '/run/p' },
      });
      assert.ok(!JSON.stringify(configuration).includes('geheim'));
    },
  },
  {
    what: 'a task called as a periodicity of jobs',
    environment: {
      TASK_daily_LOAD: 'l',
      TASK_daily_CRONTAB: '@daily',
      JOB_1_WHAT: 'w',
      JOB_1_WHEN: 'daily',
    },
    error: /^The task "daily" is called as a periodicity that jobs have$/u,
  },
  {
    what: 'other families that are misspelt',
    environment: { TASKS_x_LOAD: 'l', CONF_WORKDIR: '/w', OPTION: '-v9', OPTIONAL: 'x' },
    jobs: [],
    warnings: [
      'There is no variable "TASKS_x_LOAD"; variables of this kind are called "TASK_<id>_LOAD"',
      'There is no variable "CONF_WORKDIR"; did you mean "CONF_WORK_DIR"?',
      'There is no variable "OPTION"; did you mean "OPTIONS"?',
    ],
  },
];

describe('the configuration of an environment', () => {
  for (const { what, environment, files = {}, jobs, warnings = [], error, check } of table) {
    it(`understands ${what}`, async () => {
      const reading = configurationFromEnvironment(environment, {
        readFile: async (file) => {
          const text = files[file];
          if (text === undefined) throw Object.assign(new Error(`no ${file}`), { code: 'ENOENT' });
          return Buffer.from(text);
        },
      });
      if (error !== undefined) {
        await assert.rejects(reading, { code: 'input/invalid', message: error });
        return;
      }
      const { configuration, warnings: told } = await reading;
      assert.deepEqual(brief(configuration), jobs);
      assert.deepEqual(
        told.map((sentence, index) => {
          const wanted = warnings[index];
          return wanted instanceof RegExp && wanted.test(sentence) ? wanted : sentence;
        }),
        warnings,
      );
      checkSchedules(configuration, 'UTC');
      check?.(configuration);
    });
  }
});
