import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inject } from 'vitest'
import { freePort } from './free-port.ts'
import { installed } from './installed.ts'
import { type ProxyProgram, startProxyProgram } from './proxy-program.ts'

/** Whether `nginx` is installed. */
export const nginxInstalled = installed('nginx', '-v')

/** Starts one that compresses and buffers. @param version of HTTP that it speaks to the server; 1.0 is its default. */
export async function nginx(server: string, version: '1.0' | '1.1'): Promise<ProxyProgram> {
  const port = await freePort()
  const folder = join(inject('scratch'), `nginx-${port}`)
  await mkdir(folder)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((of) => `${of}_temp_path ${folder}/${of};`)
  const upgrade = 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;'
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  const config = `
    daemon off; ${user} pid ${folder}/pid; error_log ${folder}/error.log;
    events {}
    http {
      access_log off; ${temporary.join(' ')}
      gzip on; gzip_types *; gzip_min_length 1; gzip_proxied any; gzip_http_version 1.0;
      map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
      server {
        listen 127.0.0.1:${port};
        location / {
          proxy_pass ${server}; proxy_http_version ${version}; proxy_buffering on; proxy_set_header Host $http_host;
          ${version === '1.1' ? upgrade : ''}
        }
      }
    }`
  const file = join(folder, 'nginx.conf')
  await writeFile(file, config)
  return await startProxyProgram('nginx', ['-p', folder, '-e', `${folder}/error.log`, '-c', file], port)
}
