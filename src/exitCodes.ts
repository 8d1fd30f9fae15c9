/** The exit codes of the program. They must not change, because scripts and the supervisor rely on them. */

export const EXIT_SUCCESS = 0;
/** The program failed, or was ended before it was done. */
export const EXIT_FAILURE = 1;
/** The command line or the configuration is wrong: a new start does not help. */
export const EXIT_USAGE = 2;
/** The code that a shell gives for a program that SIGINT has ended. */
export const EXIT_INTERRUPTED = 130;
/** The code that a shell gives for a program that SIGPIPE has ended. */
export const EXIT_BROKEN_PIPE = 141;
