"""Where files arrive, one after the other: folders, SFTP servers, mailboxes. What is in the files is not read here."""
