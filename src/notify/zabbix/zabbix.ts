import { hostname } from 'node:os';

import { AppError } from '../../base/errors.ts';
import type { OpenChannel } from '../channel.ts';
import { hostAndPort } from '../host-and-port.ts';
import { timeoutOf } from '../http/http-client.ts';
import { objectIn, textIn } from '../http/json-answer.ts';
import { plainLine } from '../plain-line.ts';
import { reportDocument } from '../report-document.ts';
import { tcpExchange } from '../tcp-exchange.ts';
import { withOutput } from '../with-output.ts';

const headerLength = 13;

/** Zabbix: a value for a trapper item, by the protocol of zabbix_sender (https://www.zabbix.com/documentation/current/en/manual/appendix/protocols/zabbix_sender). */
export const open: OpenChannel<'zabbix'> = (name, settings) => {
  const { host, port } = hostAndPort(settings.server, 10_051);
  const action = `send to "${name}" by ${host}:${String(port)}`;
  const { key = 'holdfast.report' } = settings;
  return Promise.resolve({
    address: `Zabbix at ${host}:${String(port)}`,
    async send(report, call = {}) {
      const { text: _text, ...document } = reportDocument(report, {
        withOutput: withOutput(report, settings),
      });
      const value = {
        host: settings.host ?? (report.host === '' ? hostname() : report.host),
        key: key.replaceAll('{{job}}', report.job),
        value: JSON.stringify(document),
        clock: Math.floor(report.at / 1000),
      };
      const answer = await tcpExchange({
        host,
        port,
        content: packet({ request: 'sender data', data: [value] }),
        timeout: timeoutOf(settings, 30_000),
        action,
        signal: call.signal,
      });
      const object = objectIn(Buffer.from(answer.subarray(headerLength)).toString('utf8'));
      const info = plainLine(textIn(object, 'info'), 200);
      if (textIn(object, 'response') !== 'success') {
        throw new AppError(
          'notify/failed',
          `Cannot ${action}: the server did not take it (${info})`,
        );
      }
      if (/failed: 0\b/u.test(info)) return info;
      throw new AppError(
        'notify/refused',
        `Cannot ${action}: there is no trapper item "${value.key}" of the host "${value.host}" (${info})`,
        { hint: 'Make an item of the type "Zabbix trapper", and allow this machine to send to it' },
      );
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
};

/** `ZBXD`, version 1, the length in eight bytes with the lowest first, the data. */
function packet(data: unknown): Uint8Array {
  const body = Buffer.from(JSON.stringify(data), 'utf8');
  const header = Buffer.alloc(headerLength);
  header.write('ZBXD\u0001', 'latin1');
  header.writeUInt32LE(body.length, 5);
  return Buffer.concat([header, body]);
}
