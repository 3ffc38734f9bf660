import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';

import type { CallOptions } from '../../base/call-options.ts';
import { AppError } from '../../base/errors.ts';
import { failureOf, runProgram } from '../../base/process.ts';
import type { OpenChannel } from '../channel.ts';
import { connectionProblem } from '../connection-problem.ts';
import { hostAndPort } from '../host-and-port.ts';
import { timeoutOf, trustOf } from '../http/http-client.ts';
import { messageMaker } from '../message.ts';
import { plainLine } from '../plain-line.ts';
import { tcpExchange } from '../tcp-exchange.ts';
import { severities, syslogLine, syslogMessage } from './syslog-message.ts';

/**
 * Syslog: messages of RFC 5424 by UDP (RFC 5426), TCP or TLS with counted octets (RFC 6587 section 3.4.1, RFC 5425). The local socket is one for datagrams, which Node cannot
 * open, and takes the older format: the program `logger` writes to it.
 */
export const open: OpenChannel<'syslog'> = async (name, settings, context, options) => {
  const { address = 'unix:///dev/log', facility = 'daemon', application = 'holdfast' } = settings;
  const [, scheme, rest] = /^(unix|udp|tcp|tls):\/\/(.+)$/u.exec(address) ?? [];
  if (scheme === undefined || rest === undefined) {
    throw new AppError(
      'input/invalid',
      `The address of the channel "${name}" is not one of syslog`,
      {
        hint: 'Write unix:///dev/log, udp://host, tcp://host or tls://host',
      },
    );
  }
  const action = `send to "${name}" by ${address}`;
  const timeout = timeoutOf(settings, 30_000);
  const message = messageMaker(settings);
  const trust = scheme === 'tls' ? await trustOf(name, settings, context, options) : undefined;
  const goal = scheme === 'unix' ? undefined : hostAndPort(rest, scheme === 'tls' ? 6514 : 514);
  return {
    address: `syslog at ${address}`,
    async send(report, call = {}) {
      const said = message(report);
      if (goal === undefined) {
        const priority = `${facility}.${severities[said.tone].name}`;
        await byLogger(rest, priority, application, syslogLine(said), { timeout, action, ...call });
        return 'Given to the local log';
      }
      const text = syslogMessage(report, said, { facility, application, processId: process.pid });
      if (scheme === 'udp') {
        await byDatagram(goal, Buffer.from(text, 'utf8'), action);
        return 'Sent; UDP gives no answer';
      }
      const content = Buffer.from(text, 'utf8');
      const framed = Buffer.concat([Buffer.from(`${String(content.length)} `), content]);
      await tcpExchange({
        ...goal,
        content: framed,
        timeout,
        action,
        signal: call.signal,
        ...(trust !== undefined && { trust }),
      });
      return 'Sent; syslog gives no answer';
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
};

async function byLogger(
  socket: string,
  priority: string,
  application: string,
  line: string,
  { timeout, action, signal }: CallOptions & { readonly timeout: number; readonly action: string },
): Promise<void> {
  const end = await runProgram(
    [
      'logger',
      '--socket',
      socket,
      '--socket-errors=on',
      '-p',
      priority,
      '-t',
      application,
      '--size',
      '8192',
    ],
    { input: Buffer.from(`${line}\n`, 'utf8'), timeLimit: timeout, signal },
  );
  const failure = failureOf(end);
  if (failure !== undefined) {
    throw new AppError(
      'notify/failed',
      `Cannot ${action}: "logger" failed: ${plainLine(failure, 200)}`,
    );
  }
}

async function byDatagram(
  { host, port }: { readonly host: string; readonly port: number },
  content: Uint8Array,
  action: string,
): Promise<void> {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      // Connected, it learns that nobody listens at all.
      socket.connect(port, host, () => {
        socket.send(content, (error) => {
          if (error === null) resolve();
          else reject(error);
        });
      });
    });
  } catch (error) {
    throw connectionProblem(error, action, false);
  } finally {
    socket.close();
  }
}
