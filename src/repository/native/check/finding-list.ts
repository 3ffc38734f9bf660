import type { CheckFinding } from './check-result.ts';

/** What a part of a check has found so far. */
export class FindingList {
  readonly #findings: CheckFinding[] = [];

  add(
    severity: CheckFinding['severity'],
    object: string | undefined,
    message: string,
    repairable: boolean,
  ): void {
    this.#findings.push({ severity, object, message, repairable });
  }

  take(findings: readonly CheckFinding[]): void {
    this.#findings.push(...findings);
  }

  get all(): readonly CheckFinding[] {
    return this.#findings;
  }
}
