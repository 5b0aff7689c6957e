"""What changes price sources and carries what they say."""
