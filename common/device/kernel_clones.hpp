#pragma once

// Marks a loop that the compiler builds once per vector instruction set; the processor picks when
// the program starts. Sanitizers cannot start programs with functions chosen at run time.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__)
#define FEDSTRATA_KERNEL __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FEDSTRATA_KERNEL
#endif

// Before a loop: its iterations do not depend on each other through memory.
#if defined(__GNUC__) && !defined(__clang__)
#define FEDSTRATA_INDEPENDENT _Pragma("GCC ivdep")
#else
#define FEDSTRATA_INDEPENDENT
#endif
