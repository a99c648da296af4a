"""What stands in an office behind a poor line: reads its systems, keeps what it read, delivers it in order to a hub."""
