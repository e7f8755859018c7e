/* SPDX-License-Identifier: Apache-2.0 */
/* cli/paths: where an installation keeps its things; the build says so with -D. */
#ifndef CLI_PATHS_H
#define CLI_PATHS_H

#ifndef SYSCONFDIR
#define SYSCONFDIR "/etc"
#endif
#ifndef RUNSTATEDIR
#define RUNSTATEDIR "/run"
#endif
#ifndef LOCALSTATEDIR
#define LOCALSTATEDIR "/var"
#endif
#ifndef PKGLIBDIR
#define PKGLIBDIR "/usr/local/lib/tocsin"
#endif
#ifndef PKGDATADIR
#define PKGDATADIR "/usr/local/share/tocsin"
#endif
#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

#define PATHS_CONFIG SYSCONFDIR "/tocsin/conf.d"
#define PATHS_SOCKET RUNSTATEDIR "/tocsin/tocsin.sock"
#define PATHS_SPOOL LOCALSTATEDIR "/lib/tocsin/spool"
#define PATHS_PLUGINS PKGLIBDIR "/plugins"
#define PATHS_SERVICES PKGDATADIR "/services"
#define PATHS_SQL PKGDATADIR "/sql"

#endif
