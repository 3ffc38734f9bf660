import { durationMilliseconds, parseDuration } from '../../base/duration.ts';
import { AppError } from '../../base/errors.ts';
import { failureOf, runProgram } from '../../base/process.ts';
import type { OpenChannel } from '../channel.ts';
import { maskSecrets } from '../mask-secrets.ts';
import { messageMaker } from '../message.ts';
import { plainLine } from '../plain-line.ts';
import { reportDocument } from '../report-document.ts';
import { resultWordOf } from '../report-tone.ts';
import { reveal } from '../reveal.ts';
import { withOutput } from '../with-output.ts';

/**
 * A program of your own: it gets the report's document as JSON on its standard input, and the most important in its environment. Any exit status but 0 is a failure, after which
 * it is tried again.
 */
export const open: OpenChannel<'script'> = async (name, settings, context, options) => {
  const { command } = settings;
  const argv = typeof command === 'string' ? ['/bin/sh', '-c', command] : command;
  const message = messageMaker(settings);
  const timeLimit =
    settings.timeout === undefined ? 30_000 : durationMilliseconds(parseDuration(settings.timeout));
  const extra: Record<string, string> = {};
  for (const [variable, value] of Object.entries(settings.environment ?? {}))
    extra[variable] = await reveal(name, value, `the variable "${variable}"`, context, options);
  const secrets = Object.values(extra);
  return {
    address: `script "${typeof command === 'string' ? plainLine(command, 60) : (command[0] ?? '')}"`,
    async send(report, { signal } = {}) {
      const document = reportDocument(report, { withOutput: withOutput(report, settings) });
      const end = await runProgram(argv, {
        input: Buffer.from(`${JSON.stringify(document)}\n`, 'utf8'),
        timeLimit,
        signal,
        directory: context.baseDirectory,
        environment: {
          ...context.environment,
          ...extra,
          HOLDFAST_REPORT: report.id,
          HOLDFAST_EVENT: report.event,
          HOLDFAST_RESULT: resultWordOf(report),
          HOLDFAST_JOB: report.job,
          HOLDFAST_HOST: report.host,
          HOLDFAST_TITLE: message(report).title,
          HOLDFAST_RUN: report.run?.id ?? '',
        },
      });
      const failure = failureOf(end);
      if (failure === undefined) {
        const said = plainLine(maskSecrets(end.output.toString('utf8'), secrets), 300);
        return said === '' ? 'It ended with status 0' : said;
      }
      throw new AppError(
        'notify/failed',
        `Cannot send to "${name}": its program failed: ${plainLine(maskSecrets(failure, secrets), 300)}`,
      );
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
};
