import { connect, type Socket } from 'node:net';

import { createTransport } from 'nodemailer';
import type {
  Options as SmtpOptions,
  SentMessageInfo,
} from 'nodemailer/lib/smtp-transport/index.js';

import type { CallOptions } from '../../base/call-options.ts';
import { AppError } from '../../base/errors.ts';
import type { SecretValue } from '../../model/secret-value.ts';
import type { ChannelContext, OpenChannel, SettingsOf } from '../channel.ts';
import { partial } from '../http/http-channel.ts';
import { timeoutOf, trustOf } from '../http/http-client.ts';
import { plainLine } from '../plain-line.ts';
import { type MailContent, mailWriter } from './mail-content.ts';
import { mailProblem } from './mail-problem.ts';

type Settings = SettingsOf<'mail'>;
type Smtp = SmtpOptions & { host: string; port: number; connectionTimeout: number };

/**
 * Mail by SMTP (RFC 5321), also with STARTTLS (RFC 3207) and authentication (RFC 4954). One connection for each mail. Recipients who got a
 * mail are left out when it is tried again for the others, as long as the channel is open.
 */
export const open: OpenChannel<'mail'> = async (name, settings, context, options) => {
  const secrets: string[] = [];
  const smtp = await smtpOptions(name, settings, context, secrets, options);
  const server = `${settings.host}:${String(smtp.port)}`;
  const writer = mailWriter(name, settings);
  const recipients = [
    ...new Set([...settings.to, ...(settings.cc ?? []), ...(settings.bcc ?? [])].map(addressIn)),
  ];
  const done = new Map<string, Set<string>>();

  const deliver = async (content: MailContent, { signal }: CallOptions): Promise<string> => {
    signal?.throwIfAborted();
    const reached = done.get(content.messageId) ?? new Set();
    done.set(content.messageId, reached);
    const info = await sendOver(
      smtp,
      content,
      settings,
      recipients.filter((recipient) => !reached.has(recipient)),
      { signal },
    ).catch((error: unknown) => {
      signal?.throwIfAborted();
      const problem = mailProblem(error, name, server, secrets);
      throw reached.size > 0 ? partial(problem) : problem;
    });
    for (const recipient of info.accepted) reached.add(addressOf(recipient));
    const refused = info.rejected.map(addressOf);
    if (refused.length > 0) throw partlyRefused(name, server, refused, info);
    done.delete(content.messageId);
    return plainLine(info.response, 300);
  };

  return {
    address: `mail to ${recipients.join(', ')} by ${server}`,
    send: (report, call = {}) => deliver(writer.single(report), call),
    sendDigest: (reports, call = {}) => deliver(writer.digest(reports), call),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
};

async function sendOver(
  smtp: Smtp,
  content: MailContent,
  { from, to, cc, replyTo }: Settings,
  recipients: readonly string[],
  { signal }: CallOptions,
): Promise<SentMessageInfo> {
  const aborted = Promise.withResolvers<never>();
  let socket: Socket | undefined;
  const stop = (): void => {
    socket?.destroy();
    aborted.reject(signal?.reason);
  };
  signal?.addEventListener('abort', stop, { once: true });
  // Otherwise its connection would be out of our reach when we have to end.
  const getSocket: SmtpOptions['getSocket'] = (_options, callback) => {
    socket = connect({ host: smtp.host, port: smtp.port });
    const fail = (error: Error): void => {
      socket?.destroy();
      callback(error, false);
    };
    const slow = (): void => fail(Object.assign(new Error(), { code: 'ETIMEDOUT' }));
    const timer = setTimeout(slow, smtp.connectionTimeout);
    socket.once('error', fail);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket?.off('error', fail);
      callback(null, { connection: socket });
    });
    socket.once('close', () => clearTimeout(timer));
  };
  const transport = createTransport({ ...smtp, getSocket });
  try {
    const { subject, text, html, attachments, messageId, date, priority, headers } = content;
    const sending = transport.sendMail({
      envelope: { from: addressIn(from), to: [...recipients] },
      from,
      to: [...to],
      ...(cc !== undefined && { cc: [...cc] }),
      ...(replyTo !== undefined && { replyTo }),
      subject,
      text,
      ...(html !== undefined && { html }),
      attachments: attachments.map(({ filename, content: log }) => ({
        filename,
        content: log,
        contentType: 'text/plain; charset=utf-8',
      })),
      messageId,
      date,
      priority,
      headers,
      // Nothing in a report may make us read files or addresses.
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    return await Promise.race([sending, aborted.promise]);
  } finally {
    signal?.removeEventListener('abort', stop);
    transport.close();
    socket?.destroy();
  }
}

async function smtpOptions(
  name: string,
  settings: Settings,
  context: ChannelContext,
  secrets: string[],
  options: CallOptions,
): Promise<Smtp> {
  const { host, user, authentication, helloName } = settings;
  const encryption =
    settings.encryption ??
    (settings.port === 465 ? 'tls' : user === undefined ? 'opportunistic' : 'starttls');
  const port = settings.port ?? (encryption === 'tls' ? 465 : user === undefined ? 25 : 587);
  const trust = await trustOf(name, settings, context, options);
  const timeout = timeoutOf(settings, 30_000);
  const reveal = async (value: SecretValue, what: string): Promise<string> => {
    const secret = await context.resolveSecret(value, `${what} of the channel "${name}"`, options);
    secrets.push(secret.reveal());
    return secret.reveal();
  };
  // Without a user there is no secret on the way, and any encryption is better than none.
  const anyCertificate = encryption === 'opportunistic' && user === undefined;
  return {
    host,
    port,
    secure: encryption === 'tls',
    requireTLS: encryption === 'starttls',
    ignoreTLS: encryption === 'none',
    opportunisticTLS: encryption === 'opportunistic',
    tls: anyCertificate && trust.ca === undefined ? { rejectUnauthorized: false } : trust,
    connectionTimeout: timeout,
    greetingTimeout: timeout,
    socketTimeout: timeout,
    dnsTimeout: timeout,
    ...(helloName !== undefined && { name: helloName }),
    ...(user !== undefined && {
      auth: await authOf(name, settings, user, reveal),
      ...(authentication !== undefined && { authMethod: authentication.toUpperCase() }),
    }),
  };
}

async function authOf(
  name: string,
  { password, authentication, oauth }: Settings,
  user: string,
  reveal: (value: SecretValue, what: string) => Promise<string>,
): Promise<NonNullable<SmtpOptions['auth']>> {
  if (oauth !== undefined) {
    return {
      type: 'OAuth2',
      user,
      clientId: oauth.clientId,
      clientSecret: await reveal(oauth.clientSecret, 'the client secret'),
      refreshToken: await reveal(oauth.refreshToken, 'the refresh token'),
      accessUrl: oauth.tokenUrl,
    };
  }
  if (password === undefined) {
    throw new AppError('input/invalid', `The channel "${name}" has a user but no password`);
  }
  const pass = await reveal(password, 'the password');
  if (authentication === 'xoauth2') return { type: 'OAuth2', user, accessToken: pass };
  return { user, pass };
}

function partlyRefused(
  name: string,
  server: string,
  refused: readonly string[],
  { rejectedErrors = [] }: SentMessageInfo,
): AppError {
  const codes = rejectedErrors.map(({ responseCode }) => responseCode ?? 0);
  const said = plainLine(rejectedErrors[0]?.response ?? '', 300);
  return new AppError(
    codes.some((code) => code < 500) ? 'notify/failed' : 'notify/refused',
    `Cannot send mail to "${name}" by ${server}: it was taken for others, but not for ${refused.join(', ')} (${said})`,
    { details: { partial: true } },
  );
}

const addressOf = (recipient: string | { readonly address: string }): string =>
  typeof recipient === 'string' ? recipient : recipient.address;

/** `d@e.f` of `Name <d@e.f>`. */
const addressIn = (text: string): string => /<([^<>]+)>\s*$/u.exec(text)?.[1] ?? text.trim();
