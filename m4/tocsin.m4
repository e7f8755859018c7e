# SPDX-License-Identifier: Apache-2.0

# TOCSIN_CORE_FOLDER
# configure cleans up after crashed test programs with `rm -f core`, but here
# `core` is a folder: leave that one argument out. Call right after AC_INIT.
AC_DEFUN([TOCSIN_CORE_FOLDER], [
rm ()
{
	for tocsin_arg
	do
		shift
		test "x$tocsin_arg" = xcore || set -- "$[]@" "$tocsin_arg"
	done
	command rm "$[]@"
}
])

# TOCSIN_CFLAG(VARIABLE, FLAGS) and TOCSIN_LDFLAG(VARIABLE, FLAGS)
# Append the flags to the variable if the compiler (the linker) takes them.
AC_DEFUN([TOCSIN_CFLAG], [
AC_MSG_CHECKING([whether $CC takes $2])
tocsin_saved=$CFLAGS
CFLAGS="$CFLAGS $2 -Werror"
AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#include <stdio.h>]], [[puts("")]])],
	[AC_MSG_RESULT([yes]); $1="$$1 $2"], [AC_MSG_RESULT([no])])
CFLAGS=$tocsin_saved
])
AC_DEFUN([TOCSIN_LDFLAG], [
AC_MSG_CHECKING([whether the linker takes $2])
tocsin_saved=$LDFLAGS
LDFLAGS="$LDFLAGS $2"
AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <stdio.h>]], [[puts("")]])],
	[AC_MSG_RESULT([yes]); $1="$$1 $2"], [AC_MSG_RESULT([no])])
LDFLAGS=$tocsin_saved
])

# TOCSIN_REQUIRE(PREFIX, PKG-CONFIG MODULES, DEBIAN PACKAGE, FEDORA PACKAGE)
# A library without which nothing works. What is missing is only noted, so that
# TOCSIN_REQUIRED_DONE can name everything at once.
AC_DEFUN([TOCSIN_REQUIRE], [
PKG_CHECK_MODULES([$1], [$2], [], [TOCSIN_MISSING([$2], [$3], [$4])])
])
AC_DEFUN([TOCSIN_MISSING], [
tocsin_missing="$tocsin_missing
  $1: install $3 (Debian, Ubuntu) or $4 (Fedora)"
tocsin_missing_deb="$tocsin_missing_deb $3"
])
AC_DEFUN([TOCSIN_REQUIRED_DONE], [
AS_IF([test -n "$tocsin_missing"], [AC_MSG_ERROR([libraries are missing:$tocsin_missing
All of them: apt-get install$tocsin_missing_deb])])
])

# TOCSIN_OPTIONAL(PREFIX, NAME, PKG-CONFIG MODULES, DEBIAN PACKAGE, FEDORA PACKAGE, WHAT FOR)
# A library that --without-NAME leaves out and --with-NAME insists on. Sets
# with_NAME to yes or no and the conditional HAVE_PREFIX.
AC_DEFUN([TOCSIN_OPTIONAL], [
AC_ARG_WITH([$2], [AS_HELP_STRING([--without-$2], [leave out $6 @<:@default: if $2 is there@:>@])],
	[], [with_$2=check])
AS_IF([test "x$with_$2" != xno], [
	PKG_CHECK_MODULES([$1], [$3], [with_$2=found], [
		AS_IF([test "x$with_$2" = xyes],
			[AC_MSG_ERROR([$3 is missing: install $4 (Debian, Ubuntu) or $5 (Fedora)])])
		with_$2="no, install $4 or $5"
	])
])
AM_CONDITIONAL([HAVE_$1], [test "x$with_$2" = xfound])
AS_IF([test "x$with_$2" = xfound], [with_$2=yes; tocsin_have_$1=yes])
TOCSIN_SUMMARY([$6], [$with_$2])
])

# TOCSIN_PLUGIN(KIND/NAME, [PREFIX OF AN OPTIONAL LIBRARY])
# One line for each plugin; its plugin.am is included from Makefile.am.
AC_DEFUN([TOCSIN_PLUGIN], [
AS_IF([test ! -f "$srcdir/plugins/$1/plugin.am"],
	[AC_MSG_ERROR([configure.ac names the plugin $1, but plugins/$1/plugin.am is not there])])
m4_ifval([$2],
	[AS_IF([test "x$tocsin_have_$2" = xyes],
		[tocsin_plugins="$tocsin_plugins $1"], [tocsin_left_out="$tocsin_left_out $1"])],
	[tocsin_plugins="$tocsin_plugins $1"])
])

# TOCSIN_FAULT_POINTS
# --enable-fault-points: named places at which a test may kill the process. Sets
# the conditional FAULT_POINTS.
AC_DEFUN([TOCSIN_FAULT_POINTS], [
AC_ARG_ENABLE([fault-points],
	[AS_HELP_STRING([--enable-fault-points],
		[places at which TOCSIN_FAULT=NAME kills tocsind, for the survival campaigns])],
	[], [enable_fault_points=no])
AM_CONDITIONAL([FAULT_POINTS], [test "x$enable_fault_points" = xyes])
])

# TOCSIN_SUMMARY(WHAT, VALUE): one line of the summary.
AC_DEFUN([TOCSIN_SUMMARY], [
tocsin_line=`printf '  %-28s %s' "$1:" "$2"`
tocsin_summary="$tocsin_summary
$tocsin_line"
])
