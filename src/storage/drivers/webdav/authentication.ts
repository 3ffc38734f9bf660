import type { Secret } from '../../../base/secret.ts';
import { parseChallenges } from './challenge.ts';
import { DigestSession } from './digest-session.ts';

export type AuthenticationKind = 'auto' | 'basic' | 'digest' | 'bearer';

export interface AuthenticationSettings {
  readonly kind: AuthenticationKind;
  readonly user: string | undefined;
  readonly password: Secret | undefined;
  readonly token: Secret | undefined;
  /** Whether nobody on the line can read along. */
  readonly isEncrypted: boolean;
  /** Called when a password is about to be sent over a line that can be read. */
  readonly onPlainPassword: () => void;
}

/** What one request carries, and what it can be told by when the server refuses it. */
export interface Authorization {
  readonly header: string;
  readonly digest?: DigestSession;
  readonly nonce?: string;
}

/**
 * How we say who we are. `auto` sends the password at once where the line is encrypted; elsewhere it waits for what the server asks for
 * and prefers Digest, which does not show it.
 */
export class Authentication {
  readonly #settings: AuthenticationSettings;
  #digest: DigestSession | undefined;
  #isBasic: boolean;

  constructor(settings: AuthenticationSettings) {
    this.#settings = settings;
    const { kind, isEncrypted } = settings;
    this.#isBasic =
      settings.user !== undefined && (kind === 'basic' || (kind === 'auto' && isEncrypted));
  }

  /** Whether the server has to be asked first how it wants to be answered. */
  get isOpen(): boolean {
    const { kind, user } = this.#settings;
    return kind !== 'bearer' && user !== undefined && !this.#isBasic && this.#digest === undefined;
  }

  get hasCredentials(): boolean {
    const { kind, user, token } = this.#settings;
    return (kind === 'bearer' ? token : user) !== undefined;
  }

  /** What the next request carries, if anything. */
  authorize(method: string, uri: string): Authorization | undefined {
    const { kind, user = '', password, token } = this.#settings;
    if (kind === 'bearer')
      return token === undefined ? undefined : { header: `Bearer ${token.reveal()}` };
    if (this.#digest !== undefined) {
      const { nonce } = this.#digest;
      return { header: this.#digest.authorize(method, uri), digest: this.#digest, nonce };
    }
    if (!this.#isBasic) return undefined;
    const text = `${user}:${password?.reveal() ?? ''}`;
    return { header: `Basic ${Buffer.from(text, 'utf8').toString('base64')}` };
  }

  /** The server has accepted what a request carried. */
  accepted(used: Authorization | undefined, information: string | undefined): void {
    if (used?.digest === undefined) return;
    used.digest.proven = true;
    if (information !== undefined) used.digest.renew(information);
  }

  /** The server has refused it, and asks for `challenges`; gives whether another request can carry something better. */
  refused(used: Authorization | undefined, challenges: string): boolean {
    const { kind, user, password } = this.#settings;
    if (kind === 'bearer' || user === undefined || password === undefined) return false;
    // Another request has been refused before, and has brought a new nonce.
    if (used?.digest !== undefined && this.#digest?.nonce !== used.nonce) return true;
    const asked = parseChallenges(challenges);
    if (kind !== 'basic') {
      const session = DigestSession.for({ user, password }, asked);
      if (session !== undefined) {
        const isStale = asked.some(({ parameters }) =>
          /^true$/iu.test(parameters.get('stale') ?? ''),
        );
        // Without either, the password is wrong, and asking again would lock the account.
        if (used?.digest !== undefined && !isStale && !used.digest.proven) return false;
        this.#digest = session;
        this.#isBasic = false;
        return true;
      }
    }
    // Whoever has spoken Digest is not talked into showing the password afterwards.
    const mayShow = kind === 'auto' && this.#digest === undefined && !this.#isBasic;
    if (!mayShow || !asked.some(({ scheme }) => scheme === 'basic')) return false;
    if (!this.#settings.isEncrypted) this.#settings.onPlainPassword();
    this.#isBasic = true;
    return true;
  }
}
