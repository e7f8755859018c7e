# SPDX-License-Identifier: Apache-2.0
"""A plain dispatcher, the yardstick of `tocsind --once`: what a team writes in an afternoon.

Reads the pending rows of `alerts`, mails each over a kept connection and commits each mark. With
workers, each is a thread with its own connections and every n-th row. It keeps no record of tries,
and a mail is sent again when the process dies before the commit.
"""

import json
import smtplib
import sys
import threading
import time
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

import psycopg2

PENDING = ("SELECT id, site_url, severity, message, triggered_at FROM alerts"
           " WHERE email_sent IS NOT TRUE AND abs(hashtext(id::text)) %% %s = %s"
           " ORDER BY triggered_at, id")


def mail(row, size):
    """One message, text and HTML, padded to about that many bytes."""
    number, site, severity, text, when = row
    message = EmailMessage()
    message["From"] = "alerts@example.com"
    message["To"] = "ops@example.com"
    message["Subject"] = f"[{severity.upper()}] {text}"
    message["Date"] = formatdate(when.timestamp())
    message["Message-ID"] = make_msgid(str(number), "example.com")
    words = f"{text}\n\nTime: {when}\nSite: {site}\nSeverity: {severity}\n"
    message.set_content(words)
    padding = "x" * 70 + "\n"
    message.add_alternative(f"<html><body><pre>{words}</pre><p>{padding * (size // 71)}</p></body>"
                            "</html>", subtype="html")
    return message


def dispatch(wish, worker, sent):
    """Sends and marks every n-th pending row, until the time is over."""
    database = psycopg2.connect(wish["database"])
    server = smtplib.SMTP("127.0.0.1", wish["port"])
    cursor = database.cursor()
    cursor.execute(PENDING, (wish["workers"], worker))
    for row in cursor.fetchall():
        if time.monotonic() > wish["until"]:
            break
        server.send_message(mail(row, wish["size"]))
        cursor.execute("UPDATE alerts SET email_sent = true WHERE id = %s", (row[0],))
        database.commit()
        sent.append(row[0])
    server.quit()
    database.close()


def main():
    """Everything that is pending, once; prints how many mails it sent."""
    wish = json.loads(sys.argv[1])
    wish["until"] = time.monotonic() + wish["seconds"]
    sent = []
    threads = [threading.Thread(target=dispatch, args=(wish, n, sent))
               for n in range(wish["workers"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(len(sent))


main()
