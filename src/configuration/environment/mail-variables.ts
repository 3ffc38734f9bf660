import { AppError } from '../../base/errors.ts';
import type { MailChannel } from '../../model/channel.ts';
import type { NotifyRule } from '../../model/job.ts';
import {
  type EnvironmentReader,
  nearestOf,
  secretVariable,
  unquoted,
  variable,
} from './environment-reader.ts';

/** What the channel of `SMTP_*` and `EMAIL_*` is called. */
export const MAIL_CHANNEL = 'smtp';

const known = [
  'SMTP_HOST',
  'SMTP_PORT',
  'SMTP_USER',
  'SMTP_PASS',
  'SMTP_TLS',
  'SMTP_REPORT_SUCCESS',
  'SMTP_CA_FILE',
  'SMTP_INSECURE',
  'EMAIL_FROM',
  'EMAIL_TO',
  'EMAIL_SUBJECT',
];

const defaults: Readonly<Record<string, string>> = {
  SMTP_HOST: 'smtp',
  SMTP_PORT: '25',
  EMAIL_SUBJECT: 'Backup report: {hostname} - {periodicity} - {result}',
};

/** Who is written to about the jobs of the environment. */
export interface MailVariables {
  readonly channel: MailChannel;
  readonly rule: NotifyRule;
}

/**
 * Mail is sent if `SMTP_HOST`, `SMTP_PORT`, `EMAIL_FROM`, `EMAIL_TO` and `EMAIL_SUBJECT` all say something; host, port and subject have defaults, which an
 * empty variable takes away.
 *
 * @throws AppError `input/invalid` that names the variable
 */
export function mailOf(reader: EnvironmentReader): MailVariables | undefined {
  const text = (name: string): string =>
    unquoted(reader.environment[name] ?? defaults[name] ?? '').trim();
  const host = text('SMTP_HOST');
  const port = text('SMTP_PORT');
  const from = text('EMAIL_FROM');
  const subject = text('EMAIL_SUBJECT');
  const to = text('EMAIL_TO')
    .split(',')
    .map((address) => address.trim())
    .filter((address) => address !== '');
  if ([host, port, from, subject].includes('') || to.length === 0) {
    warnOfMissing({ EMAIL_FROM: from, EMAIL_TO: to.join() }, reader);
    return undefined;
  }
  if (!/^\d{1,5}$/u.test(port) || Number(port) < 1 || Number(port) > 65_535)
    throw new AppError('input/invalid', `SMTP_PORT: "${port}" is not the number of a port`);
  const user = variable('SMTP_USER', reader);
  const caFile = variable('SMTP_CA_FILE', reader);
  return {
    channel: {
      type: 'mail',
      host,
      port: Number(port),
      from,
      to,
      subject,
      encryption: isOn(text('SMTP_TLS')) ? 'tls' : 'opportunistic',
      format: 'text',
      output: 'always',
      ...(caFile !== undefined && { caFile }),
      ...(isOn(text('SMTP_INSECURE')) && { insecure: true }),
      ...(user !== undefined && { user }),
      ...(user !== undefined &&
        variable('SMTP_PASS', reader) !== undefined && {
          password: secretVariable('SMTP_PASS', reader),
        }),
    },
    rule: {
      channel: MAIL_CHANNEL,
      on: isOn(text('SMTP_REPORT_SUCCESS') || '1')
        ? ['succeeded', 'warned', 'failed', 'missed']
        : ['failed', 'missed'],
    },
  };
}

const isOn = (text: string): boolean => ['1', 'true'].includes(text.toLowerCase());

/** Somebody who gives one of the two wants mail. */
function warnOfMissing(needed: Readonly<Record<string, string>>, reader: EnvironmentReader): void {
  const missing = Object.keys(needed).filter((name) => needed[name] === '');
  const wanted = ['SMTP_HOST', 'EMAIL_FROM', 'EMAIL_TO'].some(
    (name) => variable(name, reader) !== undefined,
  );
  if (wanted && missing.length > 0)
    reader.warn(`No mail is sent, because "${missing.join('" and "')}" is not set`);
}

/** Warns about variables that look as if they were meant for mail. */
export function warnOfUnknownMailVariables(reader: EnvironmentReader): void {
  for (const name of Object.keys(reader.environment)) {
    if (!/^(?:SMTP|EMAIL)_/u.test(name)) continue;
    if (known.includes(name) || known.includes(name.replace(/_FILE$/u, ''))) continue;
    reader.warn(`There is no variable "${name}" of mail${nearestOf(name, known)}`);
  }
}
