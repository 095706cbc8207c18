# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

# Encrypts or decrypts a file of any size through the cipher ENVELOPE:
#     OPENSSL_CONF=by_name.cnf ruby crypt.rb -e|-d IN OUT
require 'openssl'
require 'tempfile'

# 32 zero bytes stand for the recipients or identities of openssl.cnf or the
# environment.  Never put a password here.
KEY = "\0" * 32

# Newer releases of Ruby's openssl have no room for the output of more.
PIECE = 16_384

def crypt(cipher, input, output)
  while (piece = input.read(PIECE))
    output.write(cipher.update(piece))
  end
  output.write(cipher.final)
end

mode, from, to = ARGV
unless ARGV.size == 3 && ['-e', '-d'].include?(mode)
  warn 'usage: crypt.rb -e|-d IN OUT'
  exit 2
end
begin
  cipher = OpenSSL::Cipher.new('ENVELOPE')
  mode == '-e' ? cipher.encrypt : cipher.decrypt
  cipher.key = KEY
  # Only "final" says that the data is whole: before it there is no OUT.  The
  # temporary file goes away with the block.
  Tempfile.create('crypt', File.dirname(to), binmode: true) do |output|
    File.open(from, 'rb') { |input| crypt(cipher, input, output) }
    output.fsync
    File.rename(output.path, to)
  end
rescue OpenSSL::OpenSSLError, SystemCallError, RuntimeError => e
  abort "crypt.rb: #{from}: #{e.message}"
end
