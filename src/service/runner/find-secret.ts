import type { Secret } from '../../base/secret.ts';
import { resolveSecret, type SecretContext } from '../../configuration/resolve-secret.ts';
import { isSecretName } from '../../model/secret-name.ts';
import type { SecretMask } from '../program/mask-secrets.ts';
import type { StepContext } from './step-context.ts';

/** Makes `StepContext.secret`. */
export function secretFinder(where: SecretContext, mask: SecretMask): StepContext['secret'] {
  return async (value, what, { masked = 'all', name = '', ...options } = {}) => {
    const secret: Secret = await resolveSecret(value, where, what, options);
    const isSecret =
      masked === 'all' || (masked === 'named' && (typeof value !== 'string' || isSecretName(name)));
    if (isSecret) mask.add(secret);
    else mask.addAddress(secret);
    return secret;
  };
}
