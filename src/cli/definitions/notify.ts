import { noticeEvents } from '../../model/job.ts';
import { defineCommand } from '../command.ts';
import { valueFlag } from '../flag.ts';
import { serviceFlags } from './service-flags.ts';

const config = valueFlag({
  placeholder: 'FILE',
  complete: 'file',
  environment: false,
  help: 'Take the channels from this configuration instead of from the catalog',
});

export const notifyTest = defineCommand({
  name: 'notify test',
  summary: 'Send a made-up report by a channel',
  description: [
    'Tells what the other side answered. The exit status is 0 if it has taken the report, whatever becomes of it there. Monitors and on-call services take it for real: a ' +
      'test with --event failed calls somebody.',
  ],
  positionals: {
    CHANNEL: {
      arity: 'one',
      kind: 'text',
      help: 'The name of a channel, a URL (ntfy://ntfy.sh/topic), or - for a URL on standard input, where nobody else sees it',
    },
  },
  flags: {
    event: valueFlag({
      placeholder: 'EVENT',
      environment: false,
      choices: noticeEvents,
      help: 'What the report tells (succeeded)',
    }),
    job: valueFlag({
      placeholder: 'JOB',
      environment: false,
      help: 'The name of the job in it (test)',
    }),
    config,
    ...serviceFlags,
  },
  examples: [
    ['holdfast notify test ops', 'Try a channel of the configuration'],
    [
      'holdfast notify test ntfy://ntfy.sh/my-topic --event failed',
      'Try one before it is configured',
    ],
    ['holdfast notify test ops --config holdfast.yaml', 'Try one before the server knows it'],
  ],
});

export const notifyList = defineCommand({
  name: 'notify list',
  summary: 'Show the channels and what they are told',
  positionals: {},
  flags: { config, ...serviceFlags },
  examples: [['holdfast notify list', 'Channels, and who is told what']],
});

export const notifyOutbox = defineCommand({
  name: 'notify outbox',
  summary: 'Show the reports that could not be sent yet, or try or drop them',
  description: [
    'What fails is tried again for about three days, then given up and kept for a month. The exit status is 0 also when something waits.',
  ],
  positionals: {},
  flags: {
    retry: valueFlag({
      placeholder: 'ID',
      environment: false,
      help: 'Have this report tried again at once, or "all"',
    }),
    drop: valueFlag({
      placeholder: 'ID',
      environment: false,
      help: 'Do not send this report any more, or "all" that were given up',
    }),
    ...serviceFlags,
  },
  examples: [
    ['holdfast notify outbox', 'What waits and why'],
    ['holdfast notify outbox --retry all', 'After a password was put right'],
  ],
});
