/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite store keeps every promise of <tocsin/store.h>. */
#include "sqlite_store.h"

int main(void)
{
	static struct sqlite_store store;
	int failed;

	sqlite_store_init(&store);
	failed = store_contract_run(&store.subject);
	sqlite_store_done(&store);
	return failed;
}
