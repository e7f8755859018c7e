# SPDX-License-Identifier: Apache-2.0

# TOCSIN_HARDENING
# Sets HARDENING_CFLAGS (all code), PROGRAM_LDFLAGS and MODULE_LDFLAGS. Each
# flag is used only if the compiler takes it. Call after TOCSIN_SANITIZERS.
AC_DEFUN([TOCSIN_HARDENING], [
AC_ARG_ENABLE([hardening],
	[AS_HELP_STRING([--disable-hardening], [compile without the protections of the toolchain])],
	[], [enable_hardening=yes])
HARDENING_CFLAGS=
PROGRAM_LDFLAGS=
MODULE_LDFLAGS=
AS_IF([test "x$enable_hardening" = xyes], [
	TOCSIN_CFLAG([HARDENING_CFLAGS], [-fPIE])
	TOCSIN_CFLAG([HARDENING_CFLAGS], [-fstack-protector-strong])
	TOCSIN_CFLAG([HARDENING_CFLAGS], [-fstack-clash-protection])
	TOCSIN_CFLAG([HARDENING_CFLAGS], [-fcf-protection=full])
	TOCSIN_CFLAG([HARDENING_CFLAGS], [-ftrivial-auto-var-init=zero])
	TOCSIN_LDFLAG([PROGRAM_LDFLAGS], [-pie])
	TOCSIN_LDFLAG([MODULE_LDFLAGS], [-Wl,-z,relro])
	TOCSIN_LDFLAG([MODULE_LDFLAGS], [-Wl,-z,now])
	TOCSIN_LDFLAG([MODULE_LDFLAGS], [-Wl,-z,noexecstack])
	TOCSIN_LDFLAG([MODULE_LDFLAGS], [-Wl,-z,separate-code])
	PROGRAM_LDFLAGS="$PROGRAM_LDFLAGS $MODULE_LDFLAGS"
	# Fortified functions need the optimiser, and hide errors from the sanitizers.
	AS_CASE(["$enable_sanitize $CFLAGS"],
		[no*-O@<:@123sg@:>@*], [AS_CASE(["$CFLAGS"], [*-O0*|*-Og*], [],
			[TOCSIN_CFLAG([HARDENING_CFLAGS],
				[-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3])])])
])
AC_SUBST([HARDENING_CFLAGS])
AC_SUBST([PROGRAM_LDFLAGS])
AC_SUBST([MODULE_LDFLAGS])
TOCSIN_SUMMARY([hardening], [$enable_hardening])
])

# TOCSIN_SANITIZERS
# --enable-sanitize=address|thread, --enable-fuzzing, --enable-coverage set
# INSTRUMENT_CFLAGS and INSTRUMENT_LDFLAGS, for everything that is compiled.
AC_DEFUN([TOCSIN_SANITIZERS], [
AC_ARG_ENABLE([sanitize],
	[AS_HELP_STRING([--enable-sanitize=address|thread],
		[find memory errors and undefined behaviour, or data races, at run time])],
	[], [enable_sanitize=no])
AC_ARG_ENABLE([fuzzing],
	[AS_HELP_STRING([--enable-fuzzing], [build the fuzzers of tests/fuzz (needs clang)])],
	[], [enable_fuzzing=no])
AC_ARG_ENABLE([coverage],
	[AS_HELP_STRING([--enable-coverage], [count which lines run, for `make coverage'])],
	[], [enable_coverage=no])
AS_IF([test "x$enable_fuzzing" = xyes], [enable_sanitize=address])
AS_CASE([$enable_sanitize],
	[no], [tocsin_sanitizers=],
	[yes|address], [enable_sanitize=address; tocsin_sanitizers=address,undefined],
	[thread], [tocsin_sanitizers=thread],
	[AC_MSG_ERROR([--enable-sanitize takes address or thread, not '$enable_sanitize'])])
INSTRUMENT_CFLAGS=
INSTRUMENT_LDFLAGS=
AS_IF([test -n "$tocsin_sanitizers"], [
	INSTRUMENT_CFLAGS="-fsanitize=$tocsin_sanitizers -fno-omit-frame-pointer -g"
	INSTRUMENT_LDFLAGS="-fsanitize=$tocsin_sanitizers"
	AS_IF([test "x$enable_sanitize" = xaddress],
		[INSTRUMENT_CFLAGS="$INSTRUMENT_CFLAGS -fno-sanitize-recover=undefined"])
	# With the added code gcc no longer sees what is set where.
	TOCSIN_CFLAG([INSTRUMENT_CFLAGS], [-Wno-maybe-uninitialized])
])
AS_IF([test "x$enable_fuzzing" = xyes], [
	TOCSIN_CFLAG([INSTRUMENT_CFLAGS], [-fsanitize=fuzzer-no-link])
	AS_CASE(["$INSTRUMENT_CFLAGS"], [*fuzzer-no-link*], [],
		[AC_MSG_ERROR([--enable-fuzzing needs clang: configure with CC=clang, or CC=afl-clang-fast])])
])
AS_IF([test "x$enable_coverage" = xyes], [
	INSTRUMENT_CFLAGS="$INSTRUMENT_CFLAGS --coverage -O0 -g"
	# Threads that count at once lose counts, and gcov then tells of negative ones.
	TOCSIN_CFLAG([INSTRUMENT_CFLAGS], [-fprofile-update=atomic])
	INSTRUMENT_LDFLAGS="$INSTRUMENT_LDFLAGS --coverage"
])
AS_CASE(["$CC"], [*afl-*], [FUZZ_ENGINE=afl], [FUZZ_ENGINE=libfuzzer])
AC_SUBST([FUZZ_ENGINE])
AC_SUBST([INSTRUMENT_CFLAGS])
AC_SUBST([INSTRUMENT_LDFLAGS])
AM_CONDITIONAL([SANITIZED], [test "x$enable_sanitize" != xno])
AM_CONDITIONAL([FUZZING], [test "x$enable_fuzzing" = xyes])
TOCSIN_SUMMARY([sanitizers], [$enable_sanitize])
])
