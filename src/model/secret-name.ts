const pattern =
  /pass|pwd|secret|token|key|credential|auth|sig|sas|cookie|headers|connection|dircap|identity$|account-?json/iu;

/** Whether an option, variable, header or parameter of this name may hold a secret. Rather too often than once too seldom: what is not shown does no harm. */
export const isSecretName = (name: string): boolean => pattern.test(name);
