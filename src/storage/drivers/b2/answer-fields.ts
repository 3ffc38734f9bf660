import { AppError } from '../../../base/errors.ts';

/** An answer of the service: the fields are looked at as they are used. */
export class AnswerFields {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #action: string;

  constructor(answer: unknown, action: string) {
    this.#action = action;
    if (typeof answer !== 'object' || answer === null) throw this.#broken('is no object');
    // Every field is checked when it is asked for.
    this.#fields = answer as Readonly<Record<string, unknown>>;
  }

  text(name: string): string {
    const value = this.#fields[name];
    if (typeof value === 'string') return value;
    throw this.#broken(`has no "${name}"`);
  }

  optionalText(name: string): string | undefined {
    const value = this.#fields[name];
    return value === null || value === undefined ? undefined : this.text(name);
  }

  number(name: string): number {
    const value = this.#fields[name];
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw this.#broken(`has no "${name}"`);
  }

  object(name: string): AnswerFields {
    return new AnswerFields(this.#fields[name], this.#action);
  }

  texts(name: string): readonly string[] {
    const value = this.#fields[name];
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
    throw this.#broken(`has no list "${name}"`);
  }

  objects(name: string): readonly AnswerFields[] {
    const value: unknown = this.#fields[name];
    if (!Array.isArray(value)) throw this.#broken(`has no list "${name}"`);
    return value.map((item) => new AnswerFields(item, this.#action));
  }

  #broken(what: string): AppError {
    return new AppError(
      'storage/unavailable',
      `Cannot ${this.#action}: the answer of the service ${what}`,
    );
  }
}
