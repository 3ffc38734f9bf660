import { stringify } from 'yaml';

/** What a first configuration is about. */
export interface FirstConfiguration {
  readonly name: string;
  readonly sources: readonly string[];
  readonly destination: string;
  readonly schedule: string;
  readonly exclude: readonly string[];
}

/** A configuration to start from, as YAML with remarks: one job, and what most people add to it sooner or later. */
export function firstConfiguration(first: FirstConfiguration): string {
  const { name, sources, destination, schedule, exclude } = first;
  const quoted = (text: string): string => stringify(text, { lineWidth: 0 }).trimEnd();
  const list = (texts: readonly string[]): string =>
    texts.map((text) => `      - ${quoted(text)}\n`).join('');
  return `# Configuration of Holdfast. "holdfast config validate" looks whether it makes sense,
# "holdfast server" runs it.
jobs:
  ${name}:
    sources:
${list(sources)}    destination:
      url: ${quoted(destination)}
      # Keep a copy of this file elsewhere: without the passphrase there is no restore.
      passphrase:
        file: /etc/holdfast/passphrase
${exclude.length === 0 ? '' : `    filters:\n      exclude:\n${list(exclude).replaceAll(/^ {6}/gmu, '        ')}`}    # hourly, daily, weekly, monthly, a cron expression ("30 2 * * mon-fri"), or "@every 6h"
    schedule:
      when: ${quoted(schedule)}
      # Not all machines at the same second.
      jitter: 10m
    retention:
      keepDaily: 7
      keepWeekly: 5
      keepMonthly: 12
    check:
      schedule: weekly
    # A backup that was never restored is a hope: restores a sample and compares it.
    drill:
      schedule: monthly
    # A backup that has not succeeded for longer than its schedule wants raises an alarm by itself.
    # notify: [{ channel: ops, on: [failed, missed, recovered] }]

# Who is told. "holdfast notify test ops" sends a message.
# channels:
#   ops:
#     type: mail
#     host: mail.example.org
#     from: backup@example.org
#     to: ops@example.org
`;
}
