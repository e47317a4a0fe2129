"""What Zenvia lists against what is stored: what arrived while this site was down is found by it."""
