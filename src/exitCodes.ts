/** The exit codes of the program. Texts may change, codes may not: scripts and the supervisor rest on them. */

export const EXIT_SUCCESS = 0;
/** It failed, or was ended before it was through. */
export const EXIT_FAILURE = 1;
/** The command line or the configuration is wrong, and stays so until a person changes it. */
export const EXIT_USAGE = 2;
/** What a shell reports of a program that SIGINT ended. */
export const EXIT_INTERRUPTED = 130;
/** What a shell reports of a program that SIGPIPE ended. */
export const EXIT_BROKEN_PIPE = 141;
