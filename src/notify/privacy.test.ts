import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { reportOf } from '#test/support/sample-reports.ts';
import { send } from '#test/support/sent-report.ts';
import type { ChannelSettings } from '../model/channel.ts';
import type { Report } from '../model/report.ts';

const channels: readonly ((address: string) => ChannelSettings)[] = [
  (url) => ({ type: 'webhook', url }),
  (url) => ({ type: 'healthchecks', url }),
  (server) => ({ type: 'ntfy', server, topic: 't' }),
  (server) => ({ type: 'gotify', server, token: 't' }),
  (url) => ({ type: 'slack', url }),
  (url) => ({ type: 'discord', url }),
  (server) => ({ type: 'telegram', server, token: '1:x', chats: ['1'] }),
  (server) => ({ type: 'matrix', server, token: 't', room: '!a:b' }),
  (url) => ({ type: 'teams', url }),
  (server) => ({ type: 'pushover', server, token: 't', user: 'u' }),
  (server) => ({ type: 'pagerduty', server, routingKey: 'k' }),
  (url) => ({ type: 'mattermost', url }),
  (url) => ({ type: 'rocketchat', url }),
  (url) => ({ type: 'loki', url }),
];

/** With something in its output that nobody else may see. */
function reportWithOutput(event: 'failed' | 'succeeded'): Report {
  const report = reportOf(event);
  const [step] = report.run!.steps;
  return { ...report, run: { ...report.run!, steps: [{ ...step!, output: 'private-output' }] } };
}

describe('what the steps printed', () => {
  for (const channel of channels) {
    const { type } = channel('http://x.test');
    test(`leaves by ${type} only if it is let out`, async () => {
      const leaves = async (
        output: ChannelSettings['output'],
        event: 'failed' | 'succeeded',
      ): Promise<boolean> => {
        const { requests } = await send(
          (address) => ({ ...channel(address), ...(output !== undefined && { output }) }),
          reportWithOutput(event),
          { body: '{"ok":true,"status":1}' },
        );
        assert.equal(requests.length, 1);
        return requests[0]!.body.includes('private-output');
      };
      assert.equal(await leaves(undefined, 'failed'), false);
      assert.equal(await leaves('failures', 'failed'), true);
      assert.equal(await leaves('failures', 'succeeded'), false);
      assert.equal(await leaves('always', 'succeeded'), true);
    });
  }
});
