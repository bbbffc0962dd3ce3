// libstdc++ reads this flag, which glibc has since 2.32 only; 0 says that there may be threads.
char __libc_single_threaded = 0;
