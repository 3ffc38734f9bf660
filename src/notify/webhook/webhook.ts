import type { CallOptions } from '../../base/call-options.ts';
import { AppError } from '../../base/errors.ts';
import type { SecretValue } from '../../model/secret-value.ts';
import type { ChannelContext, OpenChannel, SettingsOf } from '../channel.ts';
import { openHttpChannel } from '../http/http-channel.ts';
import { basic } from '../http/http-client.ts';
import { secretAddress, webAddress } from '../http/web-address.ts';
import { reportDocument } from '../report-document.ts';
import { compileTemplate, type Template, type TemplateContext } from '../template.ts';
import { withOutput } from '../with-output.ts';
import { signatureOf } from './signature.ts';

type Settings = SettingsOf<'webhook'>;

/**
 * A request of your own for each report. The body is the report's document as JSON, or a template; the address may have fields in it as well
 * (`https://host/{{job}}`). `X-Holdfast-Id` is the same whenever the same report is sent again.
 */
export const open: OpenChannel<'webhook'> = async (name, settings, context, options) => {
  const address = await secretAddress(name, settings.url, context, options);
  const base = webAddress(name, address);
  const { headers, secrets } = await headersOf(name, settings, base, context, options);
  const key = await revealed(settings.secret, name, 'the secret', context, options);
  const urlOf = compileTemplate(address, 'form');
  const { method = 'POST' } = settings;
  const bodyOf = method === 'GET' ? undefined : bodyMaker(settings);
  return await openHttpChannel(
    name,
    settings,
    context,
    {
      title: 'webhook',
      url: base,
      secrets: [...secrets, ...(key === undefined ? [] : [key]), base.search, base.pathname].filter(
        (secret) => secret.length > 8,
      ),
      requests(report) {
        const document = reportDocument(report, { withOutput: withOutput(report, settings) });
        const body = bodyOf?.(document);
        const seconds = Math.floor(context.clock.now() / 1000);
        return [
          {
            method,
            url: webAddress(name, urlOf(document)),
            headers: {
              ...(body !== undefined && {
                'content-type': settings.contentType ?? 'application/json',
              }),
              'x-holdfast-id': report.id.replaceAll(/[^\x21-\x7e]/gu, '_'),
              'x-holdfast-event': report.event,
              ...(key !== undefined && {
                [(settings.signatureHeader ?? 'X-Holdfast-Signature').toLowerCase()]: signatureOf(
                  key,
                  seconds,
                  body ?? '',
                ),
              }),
              ...headers,
            },
            ...(body !== undefined && { body }),
          },
        ];
      },
    },
    options,
  );
};

function bodyMaker({ body, contentType = 'application/json' }: Settings): Template {
  if (body === undefined) return (document) => JSON.stringify(document);
  return compileTemplate(body, contextOf(contentType));
}

function contextOf(contentType: string): TemplateContext {
  const type = contentType.toLowerCase();
  if (/[/+]json\b/u.test(type)) return 'json';
  if (type.startsWith('application/x-www-form-urlencoded')) return 'form';
  return /[/+](?:html|xml)\b/u.test(type) ? 'html' : 'text';
}

async function headersOf(
  name: string,
  settings: Settings,
  url: URL,
  context: ChannelContext,
  options: CallOptions,
): Promise<{ headers: Record<string, string>; secrets: string[] }> {
  const headers: Record<string, string> = {};
  const secrets: string[] = url.password === '' ? [] : [decodeURIComponent(url.password)];
  const put = (header: string, value: string): void => {
    // What is checked here would be shown by the HTTP client otherwise.
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/iu.test(header) || /[^\t\x20-\x7e\x80-\xff]/u.test(value)) {
      throw new AppError(
        'input/invalid',
        `The header "${header}" of the channel "${name}" cannot be sent`,
        { hint: 'Names have no spaces, values no line breaks' },
      );
    }
    headers[header.toLowerCase()] = value;
  };
  const password = await revealed(settings.password, name, 'the password', context, options);
  if (settings.user !== undefined || password !== undefined) {
    const { user = '' } = settings;
    const text = `${user}:${password ?? ''}`;
    put('authorization', `Basic ${Buffer.from(text, 'utf8').toString('base64')}`);
    secrets.push(text, password ?? '');
  }
  const token = await revealed(settings.token, name, 'the token', context, options);
  if (token !== undefined) {
    put('authorization', `Bearer ${token}`);
    secrets.push(token);
  }
  for (const [header, value] of Object.entries(settings.headers ?? {})) {
    const text = await revealed(value, name, `the header "${header}"`, context, options);
    put(header, text ?? '');
    if (!['accept', 'content-type', 'user-agent'].includes(header.toLowerCase()))
      secrets.push(text ?? '');
  }
  if (url.username !== '' && headers['authorization'] === undefined)
    headers['authorization'] = basic(url.username, url.password);
  return { headers, secrets };
}

async function revealed(
  value: SecretValue | undefined,
  name: string,
  what: string,
  { resolveSecret }: ChannelContext,
  options: CallOptions,
): Promise<string | undefined> {
  if (value === undefined) return undefined;
  return (await resolveSecret(value, `${what} of the channel "${name}"`, options)).reveal();
}
