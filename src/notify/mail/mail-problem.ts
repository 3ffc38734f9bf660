import { AppError, messageOf } from '../../base/errors.ts';
import { connectionProblem } from '../connection-problem.ts';
import { maskSecrets } from '../mask-secrets.ts';
import { plainLine } from '../plain-line.ts';

/**
 * What went wrong with a mail, as one sentence. Answers 4yz of the server (RFC 5321 section 4.2.1) and failures of the connection are
 * `notify/failed`, answers 5yz `notify/refused`.
 */
export function mailProblem(
  error: unknown,
  name: string,
  server: string,
  secrets: readonly string[],
): AppError {
  if (error instanceof AppError) return error;
  const action = `send mail to "${name}" by ${server}`;
  const { code, responseCode, response, originalCode } = fieldsOf(error);
  const shown = (text: string, most: number): string => plainLine(maskSecrets(text, secrets), most);
  const excerpt = shown(response ?? '', 300);
  const own = shown(messageOf(error), 200);
  const said = excerpt === '' ? '' : ` (${excerpt})`;
  const kind =
    responseCode !== undefined && responseCode >= 500 ? 'notify/refused' : 'notify/failed';
  const details = responseCode === undefined ? {} : { details: { status: responseCode } };
  if (code === 'EAUTH') {
    // Without an answer it was ourselves: what is set does not fit what the server offers.
    const isTemporary = responseCode !== undefined && responseCode < 500;
    return new AppError(
      isTemporary ? 'notify/failed' : 'notify/refused',
      `Cannot ${action}: ${authenticationText(responseCode) ?? own}${said}`,
      { ...details, hint: 'Look at user, password and "authentication" of the channel' },
    );
  }
  if (code === 'ETLS') {
    const text = own.replace(/^Error initiating TLS - /u, '');
    return new AppError(
      'notify/failed',
      response === undefined
        ? `Cannot ${action}: no encrypted connection could be agreed on (${text})`
        : `Cannot ${action}: the server does not offer STARTTLS${said}`,
      {
        hint: 'Look at "port", "encryption" and "caFile" of the channel',
      },
    );
  }
  if (responseCode !== undefined)
    return new AppError(kind, `Cannot ${action}: the server refuses it${said}`, details);
  if (code === 'EENVELOPE' || code === 'EMESSAGE') {
    return new AppError('notify/refused', `Cannot ${action}: ${own}`);
  }
  const cause =
    originalCode === undefined ? error : Object.assign(new Error(), { code: originalCode });
  return connectionProblem(cause, action, false);
}

function authenticationText(responseCode: number | undefined): string | undefined {
  if (responseCode === 535) return 'the server does not accept the user and password';
  return responseCode === undefined ? undefined : 'the server does not let us sign in';
}

interface MailErrorFields {
  readonly code: string | undefined;
  readonly responseCode: number | undefined;
  readonly response: string | undefined;
  readonly originalCode: string | undefined;
}

function fieldsOf(error: unknown): MailErrorFields {
  const fields = (error instanceof Error ? error : {}) as Readonly<Record<string, unknown>>;
  const text = (name: string): string | undefined =>
    typeof fields[name] === 'string' ? fields[name] : undefined;
  return {
    code: text('code'),
    responseCode: typeof fields['responseCode'] === 'number' ? fields['responseCode'] : undefined,
    response: text('response'),
    originalCode: text('originalCode'),
  };
}
