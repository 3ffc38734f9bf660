/**
 * What the bash of a task runs: it takes steps from its standard input and goes on until that ends. Each step comes as two texts that end with a zero byte:
 * what is to be set before, and the step itself.
 *
 * Around each step it writes marks into the output, so that what a step printed is known to be complete: the byte 0x1e, a word that nobody else knows,
 * `b` and the process id or `e` and the exit status, the byte 0x1e. Standard output and standard error are one pipe from the beginning, which keeps their order.
 *
 * - A step is read by `source` at the top level, so what it declares is global, and `return` ends it.
 * - errexit has to be effective, therefore no step stands in a condition, in `&&` or `||`.
 * - `exit`, errexit and signals end the shell. Its EXIT trap says so and goes on with the next step in a subshell, which has all its variables, functions
 *   and its directory. The shell itself waits, deaf to signals, until that ends.
 * - A shell that is told to end with a trap set does so when the program in its foreground has ended; without one it would not wait.
 */
export const taskShellCode = `
exec {__holdfast_out}>&1 {__holdfast_in}<&0 2>&1 </dev/null
__holdfast_mark() { builtin printf '\\036%s %s %s\\036' "$__holdfast_word" "$1" "$2" >&"$__holdfast_out"; }
__holdfast_watch() {
  builtin trap 'builtin eval "$__holdfast_over"' EXIT
  builtin trap 'exit 129' HUP; builtin trap 'exit 130' INT; builtin trap 'exit 131' QUIT; builtin trap 'exit 138' USR1; builtin trap 'exit 140' USR2
  builtin trap 'exit 141' PIPE; builtin trap 'exit 142' ALRM; builtin trap 'exit 143' TERM; builtin trap 'exit 152' XCPU
}
__holdfast_take() {
  IFS= builtin read -r -d '' -u "$__holdfast_in" __holdfast_before && IFS= builtin read -r -d '' -u "$__holdfast_in" __holdfast_step
}
__holdfast_ended() {
  __holdfast_trap=$(builtin trap -p EXIT)
  [[ $__holdfast_trap == *__holdfast_over* ]] || { __holdfast_last=$__holdfast_trap; builtin trap 'builtin eval "$__holdfast_over"' EXIT; }
  __holdfast_mark e "$1"
}
__holdfast_work='
  { __holdfast_watch; } 2>/dev/null
  while :; do
    { __holdfast_mark b "$BASHPID"; builtin eval "$__holdfast_before"; } 2>/dev/null
    builtin source /dev/fd/199 199<<<"$__holdfast_step"
    { __holdfast_ended "$?"; __holdfast_take || break; } 2>/dev/null
  done
  { builtin trap - EXIT; builtin eval "\${__holdfast_last-}"; } 2>/dev/null
'
__holdfast_over='
  { __holdfast_mark e "$?"; builtin trap : HUP INT QUIT USR1 USR2 PIPE ALRM TERM XCPU; } 2>/dev/null
  if { __holdfast_take; } 2>/dev/null; then ( builtin eval "$__holdfast_work" ); else builtin eval "\${__holdfast_last-}"; fi
'
if __holdfast_take; then
  { builtin eval "$__holdfast_set"; builtin unset __holdfast_set; } 2>/dev/null
  builtin eval "$__holdfast_work"
fi
`;
