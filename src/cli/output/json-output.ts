import type { CliContext } from '../context.ts';
import type { OperationEvent, TotalEvent } from '../../model/event.ts';
import { pathFields } from './display-text.ts';
import type { JsonRecord, Output } from './output.ts';
import { StreamWriter } from './stream-writer.ts';
import type { OutputSettings } from './text-output.ts';

const progressInterval = 1000;

/** One JSON object a line on standard output, each with a `type`; `docs/reference/json.md` lists them. */
export function jsonOutput(context: CliContext, settings: OutputSettings): Output {
  const writer = new StreamWriter(context.stdout);
  let total: TotalEvent | undefined;
  let lastProgress = -Infinity;
  const print = (record: JsonRecord): void => writer.write(`${JSON.stringify(record)}\n`);
  const progressWanted = settings.progress && !settings.quiet;

  return {
    json: true,
    get closed() {
      return writer.closed;
    },
    report(event: OperationEvent) {
      if (event.type === 'total') {
        total = event;
        return;
      }
      if (event.type === 'progress') {
        const now = context.clock.monotonic();
        if (!progressWanted || now - lastProgress < progressInterval) return;
        lastProgress = now;
      }
      if (event.type === 'phase') total = undefined;
      if ((event.type === 'phase' || event.type === 'notice') && settings.quiet) return;
      if (event.type === 'entry' && !settings.verbose) return;
      print(eventRecord(event, total));
    },
    object: print,
    line() {},
    note() {},
    table() {},
    pause() {},
    flush: () => writer.flush(),
    close() {},
  };
}

function eventRecord(
  event: Exclude<OperationEvent, TotalEvent>,
  total: TotalEvent | undefined,
): JsonRecord {
  switch (event.type) {
    case 'phase':
    case 'notice':
      return { ...event };
    case 'progress': {
      const { current, ...counters } = event;
      return {
        ...counters,
        totalFiles: total?.files,
        totalBytes: total?.bytes,
        totalFinal: total?.final,
        ...(current !== undefined && pathFields(current)),
      };
    }
    case 'entry': {
      const { path, ...rest } = event;
      return { ...rest, ...pathFields(path) };
    }
    case 'problem':
      return {
        type: event.type,
        severity: event.severity,
        ...(event.path !== undefined && pathFields(event.path)),
        code: event.error.code,
        message: event.error.message,
        hint: event.error.hint,
      };
    case 'summary': {
      const { type, operation, snapshot, details, ...counters } = event;
      const milliseconds = Math.round(counters.milliseconds);
      return { type, operation, snapshot, ...counters, milliseconds, ...details };
    }
  }
}
