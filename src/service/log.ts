/** Where the service tells what it does. Lines go to standard output as text or as JSON; secrets are masked before. */
export interface ServiceLog {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export type LogLevel = keyof ServiceLog;

export interface LogLine {
  readonly at: number;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** A log whose lines go to `write`. */
export function createLog(now: () => number, write: (line: LogLine) => void): ServiceLog {
  const log =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}): void =>
      write({ at: now(), level, message, fields });
  return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
}

/** One that says nothing. */
export const silentLog: ServiceLog = createLog(
  () => 0,
  () => undefined,
);
